/**
 * The embedded store itself, without its thread: one DuckDB file, written by one writer, read by any number of
 * readers at once. Owns the order of things: what is written when, and when a block is settled.
 */
import { existsSync } from 'node:fs'
import { constants, copyFile, mkdir, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import type { Check } from '@forewarn/contracts/health'
import type { ReadingColumns } from './columns.ts'
import { appendColumns, inTransaction, oneNumber, openDuck, run } from './duck.ts'
import { type EngineOptions, latestWidth } from './embedded-messages.ts'
import { emptyNewest, forgetBefore, type Newest, takeIn } from './newest.ts'
import { countRows, type SeriesQuery, series } from './queries.ts'
import { loadNewest } from './reload.ts'
import { deleteBefore } from './retention.ts'
import { saveNewest, settle } from './settle.ts'
import { hourMs, keysOf, layoutVersion, makeTables } from './tables.ts'
import type { WholeRange } from './whole-range.ts'

export class EmbeddedEngine {
  /** The store's key for each sensor index. */
  readonly keys: Uint32Array<ArrayBuffer>
  private readonly options: EngineOptions
  private readonly instance: DuckDBInstance
  private readonly writer: DuckDBConnection
  private readonly newest: Newest
  private freshRows: number
  private lateRows: number
  private settleAtRows: number
  private settleTrouble: string | undefined
  private lastChange: Promise<unknown> = Promise.resolve()

  private constructor(options: EngineOptions, parts: EngineParts) {
    this.options = options
    this.instance = parts.instance
    this.writer = parts.writer
    this.keys = parts.keys
    this.newest = parts.newest
    this.freshRows = parts.freshRows
    this.lateRows = parts.lateRows
    this.settleAtRows = options.blockRows
  }

  /** Opens or makes the file in `dir`. Rejects with DuckDB's error. */
  static async open(options: EngineOptions): Promise<EmbeddedEngine> {
    const { dir, memoryMb } = options
    const instance = await openDuck({ file: join(dir, 'readings.duckdb'), spillDir: join(dir, 'spill'), memoryMb })
    try {
      return new EmbeddedEngine(options, await openParts(instance, options.sensorIds))
    } catch (cause) {
      instance.closeSync()
      throw cause
    }
  }

  /** Resolves when the rows survive a crash. */
  write(columns: ReadingColumns): Promise<void> {
    return this.change(async () => {
      const { sure, unsure } = takeIn(this.newest, columns)
      await inTransaction(this.writer, async () => {
        await appendColumns(this.writer, 'fresh', sure)
        await appendColumns(this.writer, 'late', unsure)
      })
      this.freshRows += sure.key.length
      this.lateRows += unsure.key.length
      if (this.freshRows + this.lateRows >= this.settleAtRows) void this.change(() => this.settleQuietly())
    })
  }

  /** `latestWidth` numbers for each of these keys, in their order. */
  latest(keys: Uint32Array): Float64Array<ArrayBuffer> {
    const { atMs, lagMs, value, quality } = this.newest
    const answer = new Float64Array(keys.length * latestWidth)
    for (const [row, key] of keys.entries()) {
      answer[row * latestWidth] = atMs[key] ?? Number.NEGATIVE_INFINITY
      answer[row * latestWidth + 1] = lagMs[key] ?? 0
      answer[row * latestWidth + 2] = value[key] ?? Number.NaN
      answer[row * latestWidth + 3] = quality[key] ?? 0
    }
    return answer
  }

  series(query: SeriesQuery): Promise<Float64Array<ArrayBuffer>> {
    return this.read(connection => series(connection, query))
  }

  count(range: WholeRange): Promise<number> {
    return this.change(async () => {
      if (this.lateRows > 0) await this.settleNow()
      return await this.read(connection => countRows(connection, range))
    })
  }

  retain(olderThanMs: number): Promise<void> {
    const beforeMs = Math.floor(olderThanMs / hourMs) * hourMs
    return this.change(async () => {
      await this.settleNow()
      await deleteBefore(this.writer, beforeMs)
      forgetBefore(this.newest, beforeMs)
      await inTransaction(this.writer, () => saveNewest(this.writer, this.newest))
      await this.checkpoint()
    })
  }

  /** Copies the file, and the write-ahead log where a checkpoint left one, while no change is under way. */
  copyTo(dir: string): Promise<void> {
    return this.change(async () => {
      await this.checkpoint()
      await mkdir(dir, { recursive: true })
      for (const name of ['readings.duckdb', 'readings.duckdb.wal'])
        if (existsSync(join(this.options.dir, name)))
          await copyFile(join(this.options.dir, name), join(dir, name), constants.COPYFILE_FICLONE)
    })
  }

  async health(): Promise<Check[]> {
    const { bsize, bavail } = await statfs(this.options.dir)
    return [this.settleCheck(), spaceCheck((bsize * bavail) / 1e6)]
  }

  /** Finishes what was begun and closes the file. */
  async close(): Promise<void> {
    await this.change(async () => undefined)
    this.abandon()
  }

  /** Lets go of a file that DuckDB will not work with any more. */
  abandon(): void {
    this.writer.closeSync()
    this.instance.closeSync()
  }

  /** Changes happen one after the other; one that fails does not hold up the next. */
  private change<T>(deed: () => Promise<T>): Promise<T> {
    const done = this.lastChange.then(deed, deed)
    this.lastChange = done.catch(() => undefined)
    return done
  }

  private async read<T>(deed: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    const connection = await this.instance.connect()
    try {
      return await inTransaction(connection, () => deed(connection))
    } finally {
      connection.closeSync()
    }
  }

  private async settleNow(): Promise<void> {
    if (this.freshRows + this.lateRows === 0) return
    await inTransaction(this.writer, () => settle(this.writer, { newest: this.newest, anyLate: this.lateRows > 0 }))
    this.freshRows = 0
    this.lateRows = 0
    this.settleAtRows = this.options.blockRows
    this.settleTrouble = undefined
    await this.checkpoint()
  }

  /** Nobody waits for it: the rows are safe unsettled, and the next block tries again. */
  private async settleQuietly(): Promise<void> {
    if (this.freshRows + this.lateRows < this.settleAtRows) return
    try {
      await this.settleNow()
    } catch (error) {
      this.settleTrouble = String(error)
      this.settleAtRows += this.options.blockRows
    }
  }

  /** Moves the write-ahead log into the file. DuckDB refuses while it cannot; then the next one does. */
  private async checkpoint(): Promise<void> {
    await run(this.writer, 'CHECKPOINT').catch(error => {
      this.settleTrouble = String(error)
    })
  }

  private settleCheck(): Check {
    const rows = this.freshRows + this.lateRows
    const detail = `embedded store: ${this.keys.length} sensors, ${rows} rows in the open block`
    if (this.settleTrouble === undefined) return { name: 'store', status: 'ok', detail, remedy: '' }
    return {
      name: 'store',
      status: 'warning',
      detail: `${detail}; the last block could not be settled: ${this.settleTrouble}`,
      remedy: 'Nothing is lost. Make room on the disk of the data folder, or give the store more memory.',
    }
  }
}

interface EngineParts {
  readonly instance: DuckDBInstance
  readonly writer: DuckDBConnection
  readonly keys: Uint32Array<ArrayBuffer>
  readonly newest: Newest
  readonly freshRows: number
  readonly lateRows: number
}

async function openParts(instance: DuckDBInstance, sensorIds: readonly string[]): Promise<EngineParts> {
  const writer = await instance.connect()
  await inTransaction(writer, () => makeTables(writer))
  const layout = await oneNumber(writer, 'SELECT max(version)::DOUBLE FROM layout')
  if (layout !== layoutVersion) throw new Error(`the file has layout ${layout}; this program knows ${layoutVersion}`)
  const keys = await inTransaction(writer, () => keysOf(writer, sensorIds))
  const newest = emptyNewest(await oneNumber(writer, 'SELECT count(*)::DOUBLE FROM sensor'))
  await loadNewest(writer, newest)
  const freshRows = await oneNumber(writer, 'SELECT count(*)::DOUBLE FROM fresh')
  const lateRows = await oneNumber(writer, 'SELECT count(*)::DOUBLE FROM late')
  return { instance, writer, keys, newest, freshRows, lateRows }
}

const spaceFailedMb = 500
const spaceWarningMb = 5000

function spaceCheck(freeMb: number): Check {
  const status = freeMb < spaceFailedMb ? 'failed' : freeMb < spaceWarningMb ? 'warning' : 'ok'
  return {
    name: 'store-space',
    status,
    detail: `${Math.round(freeMb)} MB free where the readings are kept`,
    remedy: status === 'ok' ? '' : 'Make room on that disk, or keep readings for fewer days.',
  }
}
