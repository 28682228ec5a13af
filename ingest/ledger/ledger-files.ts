/**
 * The ledger on disk: a file for each hour, old or new after a crash and never half, and one for what is known of the
 * gateways beyond an hour. Each says itself how far it has counted, so they need not be written at one moment.
 */
import { mkdirSync, readdirSync } from 'node:fs'
import { readFile, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { replaceFile } from '@forewarn/journal/durable-file'
import { z } from 'zod'
import { GatewayTotals } from './gateway-totals.ts'
import { formatHour, type Hour, parseHour } from './hour.ts'
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
const namePattern = /^(\d{4}-\d\d-\d\dT\d\d)\.json$/

const Gateways = z.object({
  marks: z.object({ followed: z.number(), stored: z.number(), rejected: z.number() }),
  gateways: z.record(z.string(), GatewayTotals),
})

/** Opens the folder, made when missing. */
export function openLedgerFiles(dir: string): LedgerFiles {
  mkdirSync(dir, { recursive: true })
  const gatewaysFile = join(dir, 'gateways.json')
  const pathOf = (startMs: number) => join(dir, `${new Date(startMs).toISOString().slice(0, 13)}.json`)
  const read = async (path: string, tallies: Tallies) => {
    const text = await readIfThere(path)
    return text === undefined ? undefined : parseHour(text, tallies.rowOfId, tallies.ids.length)
  }
  return {
    async load(tallies) {
      for (const name of hourNames(dir).slice(-hoursInMemory)) {
        const hour = await read(join(dir, name), tallies)
        if (hour !== undefined) tallies.hours.set(hour.startMs, hour)
      }
      const text = await readIfThere(gatewaysFile)
      if (text === undefined) return
      const { marks, gateways } = Gateways.parse(JSON.parse(text))
      Object.assign(tallies.marks, marks)
      for (const [id, totals] of Object.entries(gateways)) tallies.gateways.set(id, totals)
    },
    async save(tallies) {
      // As text at once: the counts go on changing while files are written.
      const hours = [...tallies.dirty].flatMap(startMs => {
        const hour = tallies.hours.get(startMs)
        return hour === undefined ? [] : [{ startMs, text: formatHour(hour, tallies.ids) }]
      })
      tallies.dirty.clear()
      const gateways = JSON.stringify({ marks: tallies.marks, gateways: Object.fromEntries(tallies.gateways) })
      try {
        for (const { startMs, text } of hours) await replaceFile(pathOf(startMs), text)
        await replaceFile(gatewaysFile, gateways)
      } catch (cause) {
        for (const { startMs } of hours) tallies.dirty.add(startMs)
        throw new Error(`write ${hours.length} hours of the ledger`, { cause })
      }
      for (const name of hourNames(dir).slice(0, -hoursAtMost)) await unlink(join(dir, name))
    },
    hour: (startMs, tallies) => read(pathOf(startMs), tallies),
  }
}

function hourNames(dir: string): string[] {
  return readdirSync(dir)
    .filter(name => namePattern.test(name))
    .sort()
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
