/**
 * The passphrase that seals the secrets of a backup: from a file, never from the command line, where others see it.
 */
import { readFile } from 'node:fs/promises'
import { WrongUse } from './exit-codes.ts'

/** Undefined with `--without-secrets`. Throws WrongUse when neither that nor a file was given, or it is too short. */
export async function passphraseOf(options: Record<string, unknown>): Promise<string | undefined> {
  const file = options['passphraseFile']
  if (options['withoutSecrets'] === true) return undefined
  if (typeof file !== 'string')
    throw new WrongUse('say --passphrase-file <file> to take passwords and keys along, or --without-secrets')
  const passphrase = (await readFile(file, 'utf8')).trim()
  if (passphrase.length < 8) throw new WrongUse(`${file}: a passphrase has 8 characters or more`)
  return passphrase
}
