/**
 * Secrets in a backup: sealed with a passphrase (scrypt, AES-256-GCM), so that the file may lie where backups lie.
 */
import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from 'node:crypto'
import { z } from 'zod'

const Sealed = z.object({
  kind: z.literal('scrypt-aes-256-gcm'),
  salt: z.string(),
  nonce: z.string(),
  tag: z.string(),
  content: z.string(),
})

const Files = z.record(z.string(), z.string())
/** Path within the data folder → content. */
export type SecretFiles = ReadonlyMap<string, Buffer>

/** 2^15 rounds: some 100 ms and 32 MB for whoever knows the passphrase, and for everyone who guesses. */
const work = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 } as const

/** The files by name, encrypted with AES-256-GCM under a key that scrypt makes of the passphrase. */
export function seal(files: SecretFiles, passphrase: string): Buffer {
  const salt = randomBytes(16)
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', scryptSync(passphrase, salt, 32, work), nonce)
  const plain = JSON.stringify(
    Object.fromEntries([...files].map(([name, content]) => [name, content.toString('base64')])),
  )
  const content = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()])
  const texts = { salt, nonce, tag: cipher.getAuthTag(), content }
  const sealed = Object.fromEntries(Object.entries(texts).map(([name, bytes]) => [name, bytes.toString('base64')]))
  return Buffer.from(JSON.stringify({ kind: 'scrypt-aes-256-gcm', ...sealed }))
}

/** Undefined for a wrong passphrase, or for bytes that somebody changed. */
export function unseal(bytes: Buffer, passphrase: string): SecretFiles | undefined {
  const sealed = Sealed.parse(JSON.parse(bytes.toString('utf8')))
  const of = (text: string) => Buffer.from(text, 'base64')
  const decipher = createDecipheriv('aes-256-gcm', scryptSync(passphrase, of(sealed.salt), 32, work), of(sealed.nonce))
  decipher.setAuthTag(of(sealed.tag))
  let plain: string
  try {
    plain = Buffer.concat([decipher.update(of(sealed.content)), decipher.final()]).toString('utf8')
  } catch {
    return undefined // the tag does not fit: GCM says nothing more
  }
  return new Map(Object.entries(Files.parse(JSON.parse(plain))).map(([name, text]) => [name, of(text)]))
}
