/**
 * The file behind the log. Ours, because pino's own destination ends the process on a full disk, and at the exit
 * tries for ever to write what cannot be written (sonic-boom 4: `flushSync` repeats after any error).
 */
import { closeSync, mkdirSync, openSync, write, writeSync } from 'node:fs'
import { dirname } from 'node:path'

export interface LogFile {
  /** Takes one line with its end. Never throws, never waits. */
  write(line: string): void
}

/** Lines that wait for a disk that takes none; beyond it new ones are dropped. */
const waitingAtMostBytes = 4 * 1024 * 1024
const againAfterMs = 1000

/** Opens the file for appending, with its folder. What waits at the exit is written then, if it can be. */
export function openLogFile(path: string): LogFile {
  mkdirSync(dirname(path), { recursive: true })
  const file = new AppendedFile(path)
  process.once('exit', () => file.end())
  return file
}

class AppendedFile implements LogFile {
  readonly #path: string
  readonly #descriptor: number
  #waiting: Buffer[] = []
  #waitingBytes = 0
  #dropped = 0
  #isWriting = false
  /** The last write failed; told once. */
  #isTroubled = false
  #retry: NodeJS.Timeout | undefined

  constructor(path: string) {
    this.#path = path
    this.#descriptor = openSync(path, 'a')
  }

  write(line: string): void {
    const bytes = Buffer.from(line)
    if (this.#waitingBytes + bytes.length > waitingAtMostBytes) {
      this.#dropped++
      return
    }
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
    if (!this.#isWriting && this.#retry === undefined) this.#writeWaiting()
  }

  #writeWaiting(): void {
    const piece = this.#takeAll()
    if (piece.length === 0) return
    this.#isWriting = true
    write(this.#descriptor, piece, (error, written) => {
      this.#isWriting = false
      if (error === null) this.#wrote(piece, written)
      else this.#failed(piece, error)
    })
  }

  #takeAll(): Buffer {
    const all = Buffer.concat(this.#waiting)
    this.#waiting = []
    return all
  }

  #putBack(piece: Buffer): void {
    if (piece.length > 0) this.#waiting.unshift(piece)
  }

  #wrote(piece: Buffer, written: number): void {
    this.#isTroubled = false
    this.#waitingBytes -= written
    this.#putBack(piece.subarray(written))
    if (this.#dropped > 0) {
      const gap = `${JSON.stringify({ level: 50, msg: 'log-lines-dropped', lines: this.#dropped })}\n`
      this.#dropped = 0
      this.write(gap)
    }
    this.#writeWaiting()
  }

  #failed(piece: Buffer, error: NodeJS.ErrnoException): void {
    this.#putBack(piece)
    if (!this.#isTroubled) process.stderr.write(`the log ${this.#path} cannot be written: ${error.message}\n`)
    this.#isTroubled = true
    this.#retry = setTimeout(() => {
      this.#retry = undefined
      this.#writeWaiting()
    }, againAfterMs).unref()
  }

  end(): void {
    try {
      writeSync(this.#descriptor, this.#takeAll())
      closeSync(this.#descriptor)
    } catch {
      // Nobody is left to be told: standard error has said so when the trouble began.
    }
  }
}
