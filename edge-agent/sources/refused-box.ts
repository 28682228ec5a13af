/**
 * What sources refused, where a person can look at it: JSON lines in two files of bounded size, the newer one written
 * on, the older one thrown away when the newer is full.
 */
import { appendFile, mkdir, rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Clock } from '@forewarn/runtime/clock'
import type { Log } from '@forewarn/runtime/log'
import type { Refusal } from './source.ts'

export interface RefusedBox {
  /** Counts it, and writes it down when the disk keeps up. Never throws. */
  put(refusal: Refusal & { readonly source: string }): void
  /** How many, by reason, from the start. */
  counts(): Readonly<Record<string, number>>
  /** Waits for what is being written. */
  close(): Promise<void>
}

export interface RefusedBoxOptions {
  /** `…/refused.jsonl`; the older file is `….1`. */
  readonly file: string
  readonly clock: Clock
  readonly log: Log
  readonly onRefused: (source: string, reason: string) => void
  /** Of one file; 1 MB unless given. */
  readonly fileMaxBytes?: number
}

/** An original is cut here: enough for any frame a person would look at. */
const originalAtMost = 4096

/** Lines waiting for the disk; beyond it they are only counted. */
const waitingAtMost = 500

/** Opens the box; its counts begin at nothing. */
export function openRefusedBox(options: RefusedBoxOptions): RefusedBox {
  return new FileBox(options)
}

class FileBox implements RefusedBox {
  #options: RefusedBoxOptions
  #counts = new Map<string, number>()
  #waiting: string[] = []
  #writing: Promise<void> = Promise.resolve()
  #busy = false

  constructor(options: RefusedBoxOptions) {
    this.#options = options
  }

  put({ source, reason, detail, original }: Refusal & { readonly source: string }): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1)
    this.#options.onRefused(source, reason)
    if (this.#waiting.length >= waitingAtMost) return
    const at = new Date(this.#options.clock.nowMs()).toISOString()
    this.#waiting.push(`${JSON.stringify({ at, source, reason, detail, ...shown(original) })}\n`)
    if (!this.#busy) this.#writing = this.#write()
  }

  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts)
  }

  async #write(): Promise<void> {
    this.#busy = true
    while (this.#waiting.length > 0) {
      const lines = this.#waiting.splice(0).join('')
      await append(lines, this.#options).catch(error =>
        this.#options.log.warn('refusal-not-written', { trouble: String(error) }),
      )
    }
    this.#busy = false
  }

  async close(): Promise<void> {
    await this.#writing
  }
}

async function append(lines: string, { file, fileMaxBytes = 1024 * 1024 }: RefusedBoxOptions): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  const size = await stat(file).then(
    ({ size }) => size,
    () => 0, // not there yet
  )
  if (size > 0 && size + lines.length > fileMaxBytes) await rename(file, `${file}.1`)
  await appendFile(file, lines)
}

function shown(original: string | Uint8Array): { hex: string } | { text: string } {
  if (typeof original === 'string') return { text: original.slice(0, originalAtMost) }
  return { hex: Buffer.from(original.subarray(0, originalAtMost)).toString('hex').toUpperCase() }
}
