/**
 * The sensor lists that gateways declared at birth, and which `columns` count in. On disk before the birth is
 * acknowledged: a house that restarts understands the next columns without asking.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { replaceFile } from '@forewarn/journal/durable-file'
import { isMissing } from '@forewarn/runtime/kept-file'
import type { Log } from '@forewarn/runtime/log'
import { z } from 'zod'
import type { SensorNames } from './sensor-names.ts'

/** One list, resolved against the registry. */
export interface BirthList {
  readonly birth: number
  /** Index in `District.sensors` by the list's index; -1 where the name is no sensor of this gateway. */
  readonly sensor: Int32Array
  /** The name at an index that is no sensor; undefined for indices that are, or that the list does not have. */
  nameOf(index: number): string | undefined
}

export interface Births {
  list(gatewayId: string, birth: number): BirthList | undefined
  /** Resolves once it is on disk; at once when it is known already. Only for gateways of the registry. */
  remember(gatewayId: string, declared: DeclaredList): Promise<void>
}

export interface DeclaredList {
  readonly birth: number
  readonly sensors: readonly string[]
}

/** An outbox may hold columns of the lists before the newest. */
const keptPerGateway = 4

const BirthFile = z.object({
  births: z.array(z.object({ birth: z.number(), sensors: z.array(z.string()) })),
})
type BirthFile = z.infer<typeof BirthFile>

interface Known {
  readonly list: BirthList
  readonly hash: string
}

/** Opens the folder (made when missing) and reads what is there. A file that cannot be read is as good as none. */
export function openBirths({ dir, names, log }: { dir: string; names: SensorNames; log: Log }): Births {
  mkdirSync(dir, { recursive: true })
  const known = new Map<string, Map<number, Known>>()
  const resolve = (gatewayId: string, { birth, sensors }: DeclaredList): Known => ({
    list: listOf(birth, sensors, names.gateway(gatewayId)?.sensors),
    hash: hashOf(sensors),
  })
  for (const [gatewayId, { births }] of readFiles(dir, log)) {
    if (names.gateway(gatewayId) === undefined) continue
    known.set(gatewayId, new Map(births.map(one => [one.birth, resolve(gatewayId, one)])))
  }
  // One write a gateway at a time: two births in a row must not overtake each other.
  const writing = new Map<string, Promise<void>>()

  const write = async (gatewayId: string, declared: DeclaredList) => {
    const path = join(dir, `${gatewayId}.json`)
    const others = (readFile(path, log)?.births ?? []).filter(({ birth }) => birth !== declared.birth)
    const births = [...others, declared].slice(-keptPerGateway)
    await replaceFile(path, JSON.stringify({ births }))
    const lists = known.get(gatewayId) ?? new Map<number, Known>()
    lists.set(declared.birth, resolve(gatewayId, declared))
    for (const birth of lists.keys()) if (!births.some(one => one.birth === birth)) lists.delete(birth)
    known.set(gatewayId, lists)
  }

  return {
    list: (gatewayId, birth) => known.get(gatewayId)?.get(birth)?.list,
    async remember(gatewayId, declared) {
      if (names.gateway(gatewayId) === undefined) return
      const before = writing.get(gatewayId) ?? Promise.resolve()
      const turn = before
        .catch(() => undefined) // told to the one whose birth it was
        .then(() => {
          const isKnown = known.get(gatewayId)?.get(declared.birth)?.hash === hashOf(declared.sensors)
          return isKnown ? undefined : write(gatewayId, declared)
        })
      writing.set(gatewayId, turn)
      try {
        await turn
      } finally {
        if (writing.get(gatewayId) === turn) writing.delete(gatewayId)
      }
    },
  }
}

function listOf(birth: number, sensors: readonly string[], ids: ReadonlyMap<string, number> | undefined): BirthList {
  const sensor = Int32Array.from(sensors, name => ids?.get(name) ?? -1)
  // Names of sensors are in the registry already; only the others are kept here.
  const strangers = new Map<number, string>()
  for (const [index, name] of sensors.entries()) if (sensor[index] === -1) strangers.set(index, name)
  return { birth, sensor, nameOf: index => strangers.get(index) }
}

function hashOf(sensors: readonly string[]): string {
  const hash = createHash('sha256')
  for (const name of sensors) hash.update(name).update('\0')
  return hash.digest('hex').slice(0, 16)
}

function readFiles(dir: string, log: Log): [string, BirthFile][] {
  const files: [string, BirthFile][] = []
  for (const name of readdirSync(dir)) {
    const file = name.endsWith('.json') ? readFile(join(dir, name), log) : undefined
    if (file !== undefined) files.push([name.slice(0, -'.json'.length), file])
  }
  return files
}

function readFile(path: string, log: Log): BirthFile | undefined {
  try {
    return BirthFile.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch (cause) {
    // Its gateway is asked for its birth again with the first columns that nobody can read.
    if (!isMissing(cause)) log.error('birth-not-read', { path, reason: String(cause) })
    return undefined
  }
}
