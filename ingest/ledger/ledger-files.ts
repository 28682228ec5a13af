/**
 * The ledger on disk: a file for each hour, old or new after a crash and never half, and one for what is known of the
 * gateways beyond an hour. Each says itself how far it has counted, so they need not be written at one moment.
 */
import { mkdirSync, readdirSync } from 'node:fs'
import { rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import { replaceFile } from '@forewarn/journal/durable-file'
import { readIfThere } from '@forewarn/runtime/kept-file'
import { z } from 'zod'
import { GatewayTotals } from './gateway-totals.ts'
import { decodeHour, encodeHour, type Hour } from './hour.ts'
import { hoursInMemory, type Tallies } from './tallies.ts'

export interface LedgerFiles {
  /** Puts what is on disk into the tallies: the newest hours, the gateways, the marks. */
  load(tallies: Tallies): Promise<void>
  /** Writes what has changed since the last time. What is counted meanwhile waits for the next. */
  save(tallies: Tallies): Promise<void>
  /** An hour that is not in memory any more; undefined when it is not on disk either. */
  hour(startMs: number, tallies: Tallies): Promise<Hour | undefined>
}

/** Two weeks: then the oldest hour goes. */
const hoursAtMost = 14 * 24
const namePattern = /^(\d{4}-\d\d-\d\dT\d\d)\.hour$/

const Gateways = z.object({
  marks: z.object({ followed: z.number(), stored: z.number(), rejected: z.number() }),
  gateways: z.map(z.string(), GatewayTotals),
})

/** Opens the folder, made when missing. `onDamage` is told of files that cannot be read: they are put aside. */
export function openLedgerFiles(dir: string, onDamage: (path: string, cause: unknown) => void): LedgerFiles {
  mkdirSync(dir, { recursive: true })
  const gatewaysFile = join(dir, 'gateways')
  const pathOf = (startMs: number) => join(dir, `${new Date(startMs).toISOString().slice(0, 13)}.hour`)
  /** A count that rotted must not keep a house from starting. */
  const read = async <T>(path: string, meaning: (bytes: Uint8Array) => T): Promise<T | undefined> => {
    const bytes = await readIfThere(path)
    if (bytes === undefined) return undefined
    try {
      return meaning(bytes)
    } catch (cause) {
      onDamage(path, cause)
      await rename(path, `${path}.damaged`)
      return undefined
    }
  }
  const readHour = (path: string, { rowOfId, ids }: Tallies) =>
    read(path, bytes => decodeHour(bytes, rowOfId, ids.length))
  return {
    async load(tallies) {
      for (const name of hourNames(dir).slice(-hoursInMemory)) {
        const hour = await readHour(join(dir, name), tallies)
        if (hour === undefined) continue
        tallies.hours.set(hour.startMs, hour)
        tallies.open.add(hour.startMs)
      }
      const kept = await read(gatewaysFile, bytes => Gateways.parse(deserialize(bytes)))
      if (kept === undefined) return
      Object.assign(tallies.marks, kept.marks)
      for (const [id, totals] of kept.gateways) tallies.gateways.set(id, totals)
    },
    async save(tallies) {
      // As bytes at once: the counts go on changing while files are written.
      const hours = [...tallies.dirty].flatMap(startMs => {
        const hour = tallies.hours.get(startMs)
        return hour === undefined ? [] : [{ startMs, bytes: encodeHour(hour, tallies.ids) }]
      })
      tallies.dirty.clear()
      const gateways = serialize({ marks: tallies.marks, gateways: tallies.gateways })
      try {
        for (const { startMs, bytes } of hours) await replaceFile(pathOf(startMs), bytes)
        await replaceFile(gatewaysFile, gateways)
      } catch (cause) {
        for (const { startMs } of hours) tallies.dirty.add(startMs)
        throw new Error(`write ${hours.length} hours of the ledger: ${String(cause)}`, { cause })
      }
      for (const name of hourNames(dir).slice(0, -hoursAtMost)) await unlink(join(dir, name))
    },
    hour: (startMs, tallies) => readHour(pathOf(startMs), tallies),
  }
}

function hourNames(dir: string): string[] {
  return readdirSync(dir)
    .filter(name => namePattern.test(name))
    .sort()
}
