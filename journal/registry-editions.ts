/**
 * What the sensor and gateway numbers in old records mean. A batch holds indices into the registry as it was when
 * the batch was written; the order of the registry may change between two starts. So every change of that order is
 * an edition, kept as a list of ids beside the segments, and records of an older edition are translated on reading.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { replaceFileSync } from './durable-file.ts'

/** The part of a district that numbers mean: the order of sensors and gateways. */
export interface RegistryOrder {
  readonly sensors: readonly { readonly id: string; readonly gateway: string }[]
  readonly gateways: readonly { readonly id: string }[]
}

/** From the numbers of an old edition to today's; -1 for what is not in the registry any more. */
export interface Translation {
  readonly sensor: Int32Array
  readonly gateway: Int32Array
  /** Ids of that edition's gateways, in its order. */
  readonly gatewayIds: readonly string[]
}

export interface RegistryEditions {
  readonly current: number
  /** Undefined for an edition nobody wrote down. */
  translationFrom(edition: number): Translation | undefined
}

const Edition = z.object({
  /** Offset of the journal when it began: once everything before it is deleted, older editions can go. */
  fromOffset: z.number(),
  sensors: z.array(z.string()),
  gateways: z.array(z.string()),
})
type Edition = z.infer<typeof Edition>

const namePattern = /^registry-(\d{6})-([0-9a-f]{16})\.json$/

interface EditionFile {
  readonly edition: number
  readonly hash: string
  readonly path: string
}

/** Notes today's order when it is a new one, and forgets editions that no record in the journal can have. */
export function openEditions(
  dir: string,
  order: RegistryOrder,
  { firstOffset, endOffset }: { firstOffset: number; endOffset: number },
): RegistryEditions {
  const files = editionFiles(dir)
  const hash = hashOf(order)
  let newest = files.at(-1)
  if (newest === undefined || newest.hash !== hash) {
    const edition = (newest?.edition ?? 0) + 1
    const path = join(dir, `registry-${String(edition).padStart(6, '0')}-${hash}.json`)
    const sensors = order.sensors.map(({ id }) => id)
    const gateways = order.gateways.map(({ id }) => id)
    replaceFileSync(path, JSON.stringify({ fromOffset: endOffset, sensors, gateways } satisfies Edition))
    newest = { edition, hash, path }
    files.push(newest)
  }
  forgetPassed(files, firstOffset)
  const current = newest.edition
  const known = new Map<number, Translation | undefined>()
  return {
    current,
    translationFrom(edition) {
      if (!known.has(edition))
        known.set(
          edition,
          translation(
            files.find(file => file.edition === edition),
            order,
          ),
        )
      return known.get(edition)
    },
  }
}

function editionFiles(dir: string): EditionFile[] {
  const files: EditionFile[] = []
  for (const name of readdirSync(dir).sort()) {
    const [, edition, hash] = namePattern.exec(name) ?? []
    if (edition !== undefined && hash !== undefined)
      files.push({ edition: Number(edition), hash, path: join(dir, name) })
  }
  return files
}

function hashOf({ sensors, gateways }: RegistryOrder): string {
  const hash = createHash('sha256')
  for (const { id } of sensors) hash.update(id).update('\n')
  hash.update('\n')
  for (const { id } of gateways) hash.update(id).update('\n')
  return hash.digest('hex').slice(0, 16)
}

function forgetPassed(files: EditionFile[], firstOffset: number): void {
  while (files.length > 1) {
    const [oldest, next] = files
    if (oldest === undefined || next === undefined || readEdition(next).fromOffset > firstOffset) return
    unlinkSync(oldest.path)
    files.shift()
  }
}

function readEdition({ path }: EditionFile): Edition {
  return Edition.parse(JSON.parse(readFileSync(path, 'utf8')))
}

function translation(file: EditionFile | undefined, order: RegistryOrder): Translation | undefined {
  if (file === undefined) return undefined
  const { sensors, gateways } = readEdition(file)
  return {
    sensor: indicesOf(sensors, order.sensors),
    gateway: indicesOf(gateways, order.gateways),
    gatewayIds: gateways,
  }
}

function indicesOf(oldIds: readonly string[], today: readonly { readonly id: string }[]): Int32Array {
  const indices = new Map(today.map(({ id }, index) => [id, index]))
  return Int32Array.from(oldIds, id => indices.get(id) ?? -1)
}
