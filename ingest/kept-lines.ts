/**
 * Lines of JSON on disk, bounded: what was added is there after a crash; beyond the limit the oldest file goes, and
 * is counted. For things a person may want to look at, not for readings.
 */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { type FileHandle, open, unlink } from 'node:fs/promises'
import { join } from 'node:path'

export interface KeptLines {
  /** Resolves with the number of its file once it is on disk. Rejects when it could not be written; it may be added again. */
  add(line: unknown): Promise<number>
  /** The first line of a file that holds this text as it is on disk; undefined when none does or the file is gone. */
  find(file: number, text: string): unknown
  /** Files deleted because there were too many, since it was opened. */
  filesDropped(): number
  close(): Promise<void>
}

export interface KeptLinesOptions {
  readonly dir: string
  readonly fileMaxBytes?: number
  readonly maxFiles?: number
  /** Called with every line that is already there and the number of its file, oldest first. */
  readonly onFound?: (line: unknown, file: number) => void
}

interface Waiting {
  readonly text: string
  readonly resolve: (file: number) => void
  readonly reject: (cause: unknown) => void
}

/** Opens the folder (made when missing). */
export async function openKeptLines(options: KeptLinesOptions): Promise<KeptLines> {
  const { dir, fileMaxBytes = 4 * 1024 * 1024, maxFiles = 8, onFound } = options
  mkdirSync(dir, { recursive: true })
  const numbers = fileNumbers(dir)
  if (onFound !== undefined)
    for (const number of numbers) for (const line of linesIn(pathOf(dir, number))) onFound(line, number)
  return new BoundedLines({ dir, fileMaxBytes, maxFiles, numbers })
}

interface Bounds {
  readonly dir: string
  readonly fileMaxBytes: number
  readonly maxFiles: number
  /** Of the files there are, in order. */
  readonly numbers: number[]
}

interface LineFile {
  readonly number: number
  readonly handle: FileHandle
  bytes: number
}

class BoundedLines implements KeptLines {
  readonly #bounds: Bounds
  #file: LineFile | undefined
  #waiting: Waiting[] = []
  #running: Promise<void> | undefined
  #dropped = 0

  constructor(bounds: Bounds) {
    this.#bounds = bounds
  }

  add(line: unknown): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ text: `${JSON.stringify(line)}\n`, resolve, reject })
      this.#running ??= this.#writeAll()
    })
  }

  find(file: number, text: string): unknown {
    const { dir, numbers } = this.#bounds
    if (!numbers.includes(file)) return undefined
    const all = readFileSync(pathOf(dir, file), 'utf8')
    const at = all.indexOf(text)
    if (at < 0) return undefined
    const end = all.indexOf('\n', at)
    return parsed(all.slice(all.lastIndexOf('\n', at) + 1, end < 0 ? undefined : end))
  }

  filesDropped(): number {
    return this.#dropped
  }

  async close(): Promise<void> {
    await this.#running
    await this.#file?.handle.close()
    this.#file = undefined
  }

  /** One write and one fdatasync in flight; what arrives meanwhile goes into the next. */
  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting
      this.#waiting = []
      try {
        const file = await this.#write(group.map(({ text }) => text).join(''))
        for (const one of group) one.resolve(file)
      } catch (cause) {
        for (const one of group) one.reject(cause)
      }
    }
    this.#running = undefined
  }

  async #write(text: string): Promise<number> {
    const file = await this.#fileWithRoom()
    file.bytes += Buffer.byteLength(text)
    await file.handle.appendFile(text)
    await file.handle.datasync()
    return file.number
  }

  /** Every life of the process begins a file of its own: behind a line that a crash cut, nothing is appended. */
  async #fileWithRoom(): Promise<LineFile> {
    const { dir, fileMaxBytes, maxFiles, numbers } = this.#bounds
    if (this.#file !== undefined && this.#file.bytes < fileMaxBytes) return this.#file
    await this.#file?.handle.close()
    this.#file = undefined
    const number = (numbers.at(-1) ?? 0) + 1
    this.#file = { number, handle: await open(pathOf(dir, number), 'a'), bytes: 0 }
    numbers.push(number)
    while (numbers.length > maxFiles) {
      await unlink(pathOf(dir, numbers[0] ?? 0))
      numbers.shift()
      this.#dropped++
    }
    return this.#file
  }
}

const namePattern = /^(\d{6,})\.jsonl$/

function pathOf(dir: string, number: number): string {
  return join(dir, `${String(number).padStart(6, '0')}.jsonl`)
}

function fileNumbers(dir: string): number[] {
  return readdirSync(dir)
    .map(name => namePattern.exec(name)?.[1])
    .filter(number => number !== undefined)
    .map(Number)
    .sort((a, b) => a - b)
}

function* linesIn(path: string): Generator {
  for (const text of readFileSync(path, 'utf8').split('\n')) {
    const line = parsed(text)
    if (line !== undefined) yield line
  }
}

function parsed(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text)
  } catch {
    return undefined // the last line of a file, cut by a crash: nobody was told that it is kept
  }
}
