/**
 * The state on disk: one file that is old or new after a crash, never half. With it lie the events that were decided
 * but may not have reached the queue, and how far in the journal it all came from: these three belong together.
 */
import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import { crc32 } from 'node:zlib'
import type { District } from '@forewarn/contracts/district'
import type { EpisodeEvent } from '@forewarn/contracts/episode'
import { replaceFile, syncFolder } from '@forewarn/journal/durable-file'
import { z } from 'zod'
import type { EngineState } from './engine/engine-state.ts'
import type { KeptTally } from './evaluated.ts'

export interface Snapshot {
  readonly format: 2
  /** Hash of the sensor ids in their order; the list lies beside it. */
  readonly registry: string
  /** Everything before this offset of the journal is in the state. */
  readonly journalNext: number
  readonly engine: EngineState
  /** Decided, and perhaps not in the queue yet. */
  readonly outbox: readonly EpisodeEvent[]
  /** Undefined in snapshots of before there was a ledger. */
  readonly evaluated?: KeptTally
}

export interface SnapshotFolder {
  /** Hash of today's registry. */
  readonly registry: string
  /** Writes the bytes of `encodeSnapshot`; resolves once they survive a power cut. */
  write(bytes: Uint8Array): Promise<void>
  /** The newest snapshot and the sensor ids it means; undefined when there is none, or none that can be trusted. */
  read(): Promise<{ snapshot: Snapshot; sensorIds: readonly string[] } | undefined>
}

// Written by this file with a check sum and a format number: it is ours, or it is not read at all.
const SnapshotShape = z.custom<Snapshot>(
  value => typeof value === 'object' && value !== null && 'format' in value && value.format === 2,
)
const SensorIds = z.array(z.string())

/** The snapshot as bytes. At once, because its columns go on changing afterwards. */
export function encodeSnapshot(snapshot: Snapshot): Uint8Array {
  const body = serialize(snapshot)
  const bytes = Buffer.allocUnsafe(body.length + 4)
  bytes.writeUInt32LE(crc32(body), 0)
  body.copy(bytes, 4)
  return bytes
}

/** Opens the folder, and keeps today's registry in it for those who come after. */
export async function openSnapshots(dir: string, district: District): Promise<SnapshotFolder> {
  mkdirSync(dir, { recursive: true })
  const ids = JSON.stringify(district.sensors.map(({ id }) => id))
  const registry = createHash('sha256').update(ids).digest('hex').slice(0, 16)
  await replaceFile(join(dir, `sensors-${registry}.json`), ids)
  return { registry, write: bytes => writeBytes(dir, bytes), read: () => readSnapshot(dir) }
}

async function writeBytes(dir: string, bytes: Uint8Array): Promise<void> {
  const path = join(dir, 'state')
  const handle = await open(`${path}.new`, 'w')
  try {
    await handle.writeFile(bytes)
    await handle.datasync()
  } finally {
    await handle.close()
  }
  await rename(`${path}.new`, path)
  await syncFolder(dir)
}

/** What `encodeSnapshot` wrote; undefined for bytes that rotted or are of another format. */
export function decodeSnapshot(bytes: Uint8Array): Snapshot | undefined {
  if (bytes.length < 4) return undefined
  const body = bytes.subarray(4)
  if (crc32(body) !== new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true)) return undefined
  return SnapshotShape.safeParse(deserialize(body)).data
}

async function readSnapshot(dir: string) {
  const bytes = await readIfThere(join(dir, 'state'))
  const snapshot = bytes && decodeSnapshot(bytes)
  if (snapshot === undefined) return undefined
  const ids = await readIfThere(join(dir, `sensors-${snapshot.registry}.json`))
  if (ids === undefined) return undefined
  return { snapshot, sensorIds: SensorIds.parse(JSON.parse(ids.toString('utf8'))) }
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
