/**
 * A folder that a logger, an export or a person puts CSV files into. New files and new lines are read, each row once:
 * how far a file was read is on disk after its readings are.
 */
import { type FileHandle, open, readdir } from 'node:fs/promises'
import { join, matchesGlob } from 'node:path'
import type { SenmlReading } from '@forewarn/contracts/senml'
import { isMissing } from '@forewarn/runtime/kept-file'
import { type Source, type Surroundings, sourceKind } from '../source.ts'
import { openPlaces, type Place, type Places } from './places.ts'
import { CsvProfile } from './profile.ts'
import { fieldsOf, type RowReader, rowReader } from './rows.ts'

export const csvFolderKind = sourceKind({
  kind: 'csv-folder',
  profile: CsvProfile,
  sensors: ({ sensors }) => sensors.map(({ sensor }) => sensor),
  start: startCsvFolder,
})

async function startCsvFolder(profile: CsvProfile, around: Surroundings): Promise<Source> {
  const places = await openPlaces(profile.stateFile ?? join(profile.folder, '.forewarn-read.json'))
  const folder = new CsvFolder(profile, around, places)
  const cancel = around.clock.every(profile.every, () => void folder.look())
  void folder.look()
  return {
    kind: 'csv-folder',
    status() {
      const { trouble, hasLooked, counts } = folder
      const state = trouble !== undefined ? 'troubled' : hasLooked ? 'running' : 'waiting'
      return { state, counts, ...(trouble === undefined ? {} : { trouble }) }
    },
    async stop() {
      cancel()
      await folder.stop()
    },
  }
}

/** At a time, so that a file of years neither fills memory nor stands in the way of the others. */
const pieceBytes = 256 * 1024
/** Rows older than this are not of now. */
const backlogAfterMs = 15 * 60_000

type ReadUntil = Pick<Place, 'offset' | 'lines'>

class CsvFolder {
  #profile: CsvProfile
  #around: Surroundings
  #places: Places
  #looking: Promise<void> | undefined
  #stopped = false
  /** By name: size and time of change when it was last looked at, and since when it is so. */
  #looks = new Map<string, { mark: string; sinceMs: number; done: boolean }>()
  readonly counts = { looks: 0, files: 0, rows: 0, readings: 0, 'bad-rows': 0, 'empty-cells': 0, 'not-kept': 0 }
  trouble: string | undefined
  hasLooked = false

  constructor(profile: CsvProfile, around: Surroundings, places: Places) {
    this.#profile = profile
    this.#around = around
    this.#places = places
  }

  /** Reads what is new. One look at a time; resolves when it is over, and never rejects. */
  look(): Promise<void> {
    this.#looking ??= this.#lookAtAll()
      .then(
        () => (this.trouble = undefined),
        (error: unknown) => {
          this.trouble = reasonOf(error)
          this.#around.log.warn('csv-folder-troubled', { folder: this.#profile.folder, trouble: this.trouble })
        },
      )
      .then(() => {
        this.hasLooked = true
        this.counts.looks++
        this.#looking = undefined
      })
    return this.#looking
  }

  async #lookAtAll(): Promise<void> {
    const { folder, files } = this.#profile
    const names = (await readdir(folder)).filter(name => !name.startsWith('.') && matchesGlob(name, files)).toSorted()
    for (const name of this.#looks.keys()) if (!names.includes(name)) this.#looks.delete(name)
    for (const name of names) if (!this.#stopped) await this.#lookAt(name)
  }

  async #lookAt(name: string): Promise<void> {
    const file = await open(join(this.#profile.folder, name)).catch((error: unknown) => {
      // Renamed or taken away since the listing: the next look finds it.
      if (isMissing(error)) return undefined
      throw error
    })
    if (file === undefined) return
    try {
      const { size, mtimeMs } = await file.stat()
      const nowMs = this.#around.clock.nowMs()
      const mark = `${size} ${mtimeMs}`
      const before = this.#looks.get(name)
      const look = before?.mark === mark ? before : { mark, sinceMs: nowMs, done: false }
      this.#looks.set(name, look)
      if (look.done) return
      const settled = nowMs - look.sinceMs >= this.#profile.lastLineAfter
      look.done = await this.#read(name, file, { settled })
    } finally {
      await file.close()
    }
  }

  /** Whether all there is was read. */
  async #read(name: string, file: FileHandle, { settled }: { settled: boolean }): Promise<boolean> {
    const reader = await this.#readerOf(name, file, settled)
    if (reader === undefined) return false
    let at: ReadUntil = await this.#places.find(name, file)
    if (at.offset === 0) this.counts.files++
    while (!this.#stopped) {
      const piece = await pieceFrom(file, at.offset, settled)
      if (piece.lines.length === 0) return piece.isAll
      const next = { offset: at.offset + piece.bytes, lines: at.lines + piece.lines.length }
      await this.#take(name, this.#textsOf(piece.lines), at, reader)
      await this.#places.keep(name, file, next, this.#around.clock.nowMs())
      at = next
    }
    return false
  }

  #textsOf(lines: readonly Buffer[]): string[] {
    const decoder = new TextDecoder(this.#profile.encoding)
    return lines.map(line => decoder.decode(line).replace(/\r?\n?$/, ''))
  }

  /** Undefined when there is no whole first line yet. Throws when a column is missing. */
  async #readerOf(name: string, file: FileHandle, settled: boolean): Promise<RowReader | undefined> {
    const { header, separator } = this.#profile
    const [first] = header ? (await pieceFrom(file, 0, settled)).lines : []
    if (header && first === undefined) return undefined
    const names = first === undefined ? undefined : fieldsOf(this.#textsOf([first])[0] ?? '', separator)
    const reader = rowReader(this.#profile, names)
    if (typeof reader === 'string') throw new Error(`${name}: ${reader}`)
    return reader
  }

  /** Resolves once the rows' readings are on disk; rejects when they are not. */
  async #take(name: string, lines: readonly string[], at: ReadUntil, reader: RowReader): Promise<void> {
    const { header, gateway } = this.#profile
    const readings: SenmlReading[] = []
    for (const [index, line] of lines.entries()) {
      const number = at.lines + index + 1
      if (line.trim() === '' || (header && number === 1)) continue
      const row = reader(line)
      this.counts.rows++
      this.counts['empty-cells'] += row.empty
      readings.push(...row.readings)
      if (row.faults.length === 0) continue
      this.counts['bad-rows']++
      const detail = `${name}, line ${number}: ${row.faults.join('; ')}`
      this.#around.refuse({ reason: 'bad-row', detail, original: line })
    }
    const oldBeforeMs = this.#around.clock.nowMs() - backlogAfterMs
    for (const backlog of [false, true]) {
      const some = readings.filter(({ timeMs }) => timeMs < oldBeforeMs === backlog)
      if (some.length === 0) continue
      await this.#around.take(gateway, some, { backlog }).catch((cause: unknown) => {
        this.counts['not-kept'] += some.length
        throw new Error(`${name}: ${some.length} readings could not be kept`, { cause })
      })
      this.counts.readings += some.length
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#looking
  }
}

interface Piece {
  /** Whole lines, with their ends. */
  readonly lines: readonly Buffer[]
  readonly bytes: number
  /** Nothing is left behind them, not even half a line. */
  readonly isAll: boolean
}

/** The next whole lines of a file; its last one without an end as well when the file is `settled`. */
async function pieceFrom(file: FileHandle, offset: number, settled: boolean): Promise<Piece> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(pieceBytes), 0, pieceBytes, offset)
  const piece = buffer.subarray(0, bytesRead)
  const lines: Buffer[] = []
  let at = 0
  for (let end = piece.indexOf(10); end >= 0; end = piece.indexOf(10, at)) {
    lines.push(piece.subarray(at, end + 1))
    at = end + 1
  }
  const isEnd = bytesRead < pieceBytes
  // A line longer than a piece is none: it is taken as it is, and refused.
  const isLongLine = at === 0 && !isEnd
  const takeRest = at < piece.length && (isLongLine || (isEnd && settled))
  if (takeRest) lines.push(piece.subarray(at))
  return { lines, bytes: takeRest ? piece.length : at, isAll: isEnd && (takeRest || at === piece.length) }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message}: ${reasonOf(error.cause)}`
}
