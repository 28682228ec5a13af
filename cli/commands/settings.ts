/**
 * `forewarn settings`: every setting with its value, where it came from and what it means.
 */
import { listSettings } from '@forewarn/runtime/settings'
import { Command } from 'commander'
import { settingsOf, sourceOf, withSettingFlags } from '../setting-flags.ts'
import { say, sayJson, table } from '../terminal.ts'

export function settingsCommand(): Command {
  return withSettingFlags(new Command('settings'))
    .summary('show every setting, its value and where it comes from')
    .description(
      'Shows every setting, its value and where it comes from. Flags win over variables, which win over defaults.',
    )
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  FOREWARN_MQTT_PORT=2883 forewarn settings')
    .action(showSettings)
}

function showSettings(options: Record<string, unknown>): void {
  // A value that cannot be used is trouble here too, told before the list.
  settingsOf(options)
  const lines = listSettings(sourceOf(options))
  if (options['json'] === true) return sayJson(lines)
  const rows = lines.map(({ flag, variable, value, source, meaning }) => [
    flag,
    variable,
    value || '-',
    source,
    meaning,
  ])
  for (const row of table([['flag', 'variable', 'value', 'from', 'meaning'], ...rows])) say(row)
}
