/**
 * `forewarn restore`: a backup back into an empty data folder.
 */
import { resolve } from 'node:path'
import { Command } from 'commander'
import { passphraseOf } from '../passphrase.ts'
import { settingsOf, withSettingFlags } from '../setting-flags.ts'
import { say, sayJson } from '../terminal.ts'

export function restoreCommand(): Command {
  return withSettingFlags(new Command('restore'))
    .summary('restore a backup into an empty data folder')
    .description(
      'Restores a backup into an empty data folder, and verifies every file of it before the folder is there.',
    )
    .argument('<file>', 'a file that forewarn backup wrote')
    .option('--passphrase-file <file>', 'the passphrase that the secrets were sealed with')
    .option('--without-secrets', 'leaves them out: the house makes new ones')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  forewarn restore forewarn-monday.tar.gz --data-dir /var/lib/forewarn')
    .action(restore)
}

async function restore(file: string, options: Record<string, unknown>): Promise<void> {
  const { restoreBackup } = await import('@forewarn/deploy/backup/restore')
  const { dataDir } = settingsOf(options)
  const manifest = await restoreBackup({ file: resolve(file), dataDir, passphrase: await passphraseOf(options) })
  const { entries, ...about } = manifest
  if (options['json'] === true) return sayJson({ dataDir: resolve(dataDir), files: entries.length, ...about })
  const made = new Date(about.madeAtMs).toISOString()
  say(
    `${resolve(dataDir)}: ${entries.length} files of ${made}, each as it was; start it with forewarn start --data-dir ${resolve(dataDir)}`,
  )
  for (const server of about.elsewhere) say(`not in it: ${server}; restore it where it runs`)
}
