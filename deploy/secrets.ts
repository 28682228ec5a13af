/**
 * The secrets of one house: made at its first start, kept in one file that only its owner can read. There is no
 * default password anywhere; whoever wants in reads what was made here.
 */
import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { makeCredential, type Role } from '@forewarn/broker/credentials'
import { readIfThere, replaceFile } from '@forewarn/runtime/kept-file'
import { z } from 'zod'

/** What a client of the broker signs in with, and the hash that recognises it. */
const MqttLogin = z.object({ password: z.string().min(16), passwordHash: z.string() })
export type MqttLogin = z.infer<typeof MqttLogin>

export const Secrets = z.object({
  /** Between the processes of the house, and for `forewarn doctor`. */
  innerToken: z.string().min(32),
  /** For devices that push readings to the edge agent of this machine. */
  pushToken: z.string().min(32),
  /** Signs the officers' sessions. */
  sessionSecret: z.string().min(32),
  /** How `alerts` reaches the trucks. */
  dispatcher: MqttLogin,
  /** By gateway id. Real gateways are given theirs from here once. */
  gateways: z.record(z.string(), MqttLogin),
})
export type Secrets = z.infer<typeof Secrets>

const random = (bytes: number) => randomBytes(bytes).toString('base64url')

/** Where the secrets of a house are. */
export function secretsFile(dataDir: string): string {
  return join(dataDir, 'secrets.json')
}

/** Where the first officer's password is, if it was made here. */
export function initialPasswordFile(dataDir: string): string {
  return join(dataDir, 'initial-password.txt')
}

/** The secrets of a house that has been started before; undefined when there is none. Throws on a damaged file. */
export async function readSecrets(dataDir: string): Promise<Secrets | undefined> {
  const bytes = await readIfThere(secretsFile(dataDir))
  return bytes === undefined ? undefined : Secrets.parse(JSON.parse(String(bytes)))
}

/** The secrets kept in `dataDir`, made where they are missing: at the first start, and for each new gateway. */
export async function keepSecrets(dataDir: string, gatewayIds: readonly string[]): Promise<Secrets> {
  const before = await readSecrets(dataDir)
  const missing = gatewayIds.filter(id => before?.gateways[id] === undefined)
  if (before !== undefined && missing.length === 0) return before
  const made = await Promise.all(missing.map(async id => [id, await makeLogin('gateway')] as const))
  const secrets: Secrets = {
    innerToken: before?.innerToken ?? random(32),
    pushToken: before?.pushToken ?? random(32),
    sessionSecret: before?.sessionSecret ?? random(32),
    dispatcher: before?.dispatcher ?? (await makeLogin('dispatcher')),
    gateways: { ...before?.gateways, ...Object.fromEntries(made) },
  }
  await writePrivately(secretsFile(dataDir), `${JSON.stringify(secrets, null, 2)}\n`)
  return secrets
}

async function makeLogin(role: Role): Promise<MqttLogin> {
  const { password, credential } = await makeCredential(role)
  return { password, passwordHash: credential.passwordHash }
}

/** What the first officer signs in with: as given, else as kept, else made now. `made` says whether it is new. */
export async function keepOfficerPassword(
  dataDir: string,
  given: string | undefined,
): Promise<{ password: string; made: boolean }> {
  if (given !== undefined) return { password: given, made: false }
  const kept = await readIfThere(initialPasswordFile(dataDir))
  if (kept !== undefined) return { password: String(kept).trim(), made: false }
  const password = random(9)
  await writePrivately(initialPasswordFile(dataDir), `${password}\n`)
  return { password, made: true }
}

/** Written whole or not at all: a machine that dies here keeps the old file. */
async function writePrivately(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  await replaceFile(file, text, { mode: 0o600 })
}
