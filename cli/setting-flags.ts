/**
 * The settings of the house as flags of a command: every one of them, named and explained by runtime/settings.ts.
 */
import {
  definitions,
  flagOf,
  isBadSetting,
  readSettings,
  type SettingSource,
  type Settings,
  variableOf,
} from '@forewarn/runtime/settings'
import { type Command, Option } from 'commander'
import { z } from 'zod'
import { WrongUse } from './exit-codes.ts'

const switches: ReadonlySet<string> = new Set(['openConsole', 'mqttPlain', 'openBroker'])

/** Adds a flag for each setting. Returns the same command. */
export function withSettingFlags(command: Command): Command {
  for (const line of flagLines()) command.addOption(new Option(line.flags, line.text).argParser(onlyText))
  return command
}

function flagLines(): { flags: string; text: string }[] {
  return settingNames().map(name => {
    const { meaning, fallback } = definitions[name]
    const value = switches.has(name) ? '[yes]' : '<value>'
    return {
      flags: `${flagOf(name)} ${value}`,
      text: `${meaning} (${variableOf(name)}${fallback === undefined ? '' : `, default ${fallback}`})`,
    }
  })
}

function settingNames() {
  return z.array(z.custom<keyof typeof definitions>()).parse(Object.keys(definitions))
}

const onlyText = (text: string) => text

/** What was given on the command line, by setting name, beside the environment. */
export function sourceOf(options: Readonly<Record<string, unknown>>): SettingSource {
  const given = settingNames().flatMap(name => {
    const value = options[name]
    if (value === true) return [[name, 'true'] as const]
    return typeof value === 'string' ? [[name, value] as const] : []
  })
  return { flags: Object.fromEntries(given), variables: process.env }
}

/** The settings that apply. Throws WrongUse, naming the setting, when one cannot be used. */
export function settingsOf(options: Readonly<Record<string, unknown>>): Settings {
  const settings = readSettings(sourceOf(options))
  if (isBadSetting(settings)) throw new WrongUse(settings.message)
  return settings
}
