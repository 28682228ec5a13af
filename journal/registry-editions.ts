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

/** Where editions are kept: beside the segments, or beside the stream. */
export interface EditionShelf {
  /** Oldest first. */
  list(): readonly { readonly edition: number; readonly hash: string }[]
  /** Kept before anything that is appended afterwards. */
  add(edition: number, hash: string, text: string): void
  read(edition: number): string
  drop(edition: number): void
  /** Resolves once all that was added is kept; rejects when it could not be. */
  settled?(): Promise<void>
}

const namePattern = /^registry-(\d{6})-([0-9a-f]{16})\.json$/

/** The shelf in a folder: a file for each edition. */
export function fileShelf(dir: string): EditionShelf {
  const files = editionFiles(dir)
  const pathOf = (edition: number) => files.find(file => file.edition === edition)?.path ?? ''
  return {
    list: () => files,
    add(edition, hash, text) {
      const path = join(dir, `registry-${String(edition).padStart(6, '0')}-${hash}.json`)
      replaceFileSync(path, text)
      files.push({ edition, hash, path })
    },
    read: edition => readFileSync(pathOf(edition), 'utf8'),
    drop(edition) {
      unlinkSync(pathOf(edition))
      files.splice(
        files.findIndex(file => file.edition === edition),
        1,
      )
    },
  }
}

interface EditionFile {
  readonly edition: number
  readonly hash: string
  readonly path: string
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

/** Notes today's order when it is a new one, and forgets editions that no record in the journal can have. */
export function openEditions(
  shelf: EditionShelf,
  order: RegistryOrder,
  { firstOffset, endOffset }: { firstOffset: number; endOffset: number },
): RegistryEditions {
  const hash = hashOf(order)
  const newest = shelf.list().at(-1)
  const current = newest?.hash === hash ? newest.edition : (newest?.edition ?? 0) + 1
  if (current !== newest?.edition) {
    const sensors = order.sensors.map(({ id }) => id)
    const gateways = order.gateways.map(({ id }) => id)
    shelf.add(current, hash, JSON.stringify({ fromOffset: endOffset, sensors, gateways } satisfies Edition))
  }
  forgetPassed(shelf, firstOffset)
  const known = new Map<number, Translation | undefined>()
  return {
    current,
    translationFrom(edition) {
      if (!known.has(edition)) known.set(edition, translation(shelf, edition, order))
      return known.get(edition)
    },
  }
}

function hashOf({ sensors, gateways }: RegistryOrder): string {
  const hash = createHash('sha256')
  for (const { id } of sensors) hash.update(id).update('\n')
  hash.update('\n')
  for (const { id } of gateways) hash.update(id).update('\n')
  return hash.digest('hex').slice(0, 16)
}

function forgetPassed(shelf: EditionShelf, firstOffset: number): void {
  for (;;) {
    const [oldest, next] = shelf.list()
    if (oldest === undefined || next === undefined || readEdition(shelf, next.edition).fromOffset > firstOffset) return
    shelf.drop(oldest.edition)
  }
}

function readEdition(shelf: EditionShelf, edition: number): Edition {
  return Edition.parse(JSON.parse(shelf.read(edition)))
}

function translation(shelf: EditionShelf, edition: number, order: RegistryOrder): Translation | undefined {
  if (!shelf.list().some(one => one.edition === edition)) return undefined
  const { sensors, gateways } = readEdition(shelf, edition)
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
