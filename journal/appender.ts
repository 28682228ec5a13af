/**
 * Group commit: one write and one fdatasync in flight; everything that arrives meanwhile goes into the next.
 * The only code that writes segments.
 */
import type { FileHandle } from 'node:fs/promises'
import { frameHeaderBytes, type JournalRecord, maxRecordBytes, putFrame } from './frame.ts'
import { JournalError } from './journal-error.ts'
import type { RecentRecords } from './recent-records.ts'
import { bytesOf, createSegment, openForAppend, type Segment } from './segments.ts'

interface AppenderParts {
  readonly dir: string
  /** Shared with readers: the last is the one being written. */
  readonly segments: Segment[]
  readonly recent: RecentRecords
  readonly segmentMaxBytes: number
  readonly maxBytes: number
}

interface Waiting {
  readonly record: Uint8Array
  readonly resolve: (offset: number) => void
  readonly reject: (error: JournalError) => void
}

export async function openAppender(parts: AppenderParts): Promise<Appender> {
  return new Appender(parts, await openTail(parts))
}

export class Appender {
  readonly #parts: AppenderParts
  readonly #tail: Tail
  #waiting: Waiting[] = []
  #waitingBytes = 0
  #running: Promise<void> | undefined
  #closed = false
  #listeners: (() => void)[] = []
  #commits = 0
  #records = 0

  constructor(parts: AppenderParts, tail: Tail) {
    this.#parts = parts
    this.#tail = tail
  }

  /** Resolves with the record's offset once it is on disk; rejects with a JournalError. */
  append(record: Uint8Array): Promise<number> {
    const refused = this.#refusal(record)
    if (refused !== undefined) return Promise.reject(refused)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ record, resolve, reject })
      this.#waitingBytes += frameHeaderBytes + record.length
      this.#running ??= this.#commitAll()
    })
  }

  /** Offset behind the last record that is on disk. */
  end(): number {
    return this.#tail.end()
  }

  isClosed(): boolean {
    return this.#closed
  }

  figures(): { commits: number; records: number } {
    return { commits: this.#commits, records: this.#records }
  }

  /** Resolves when the end lies behind `offset`, when closed, or when aborted. */
  moreThan(offset: number, signal?: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      if (this.#closed || signal?.aborted || this.end() > offset) return resolve()
      const done = () => {
        signal?.removeEventListener('abort', done)
        resolve()
      }
      signal?.addEventListener('abort', done)
      this.#listeners.push(done)
    })
  }

  async close(): Promise<void> {
    if (this.#closed) return this.#running
    this.#closed = true
    await this.#running
    this.#wake()
    await this.#tail.close()
  }

  #refusal(record: Uint8Array): JournalError | undefined {
    const { segments, maxBytes } = this.#parts
    if (this.#closed) return new JournalError('journal-closed', 'the journal is closed')
    if (record.length === 0 || record.length > maxRecordBytes)
      return new JournalError('record-too-large', `a record of ${record.length} bytes; 1 to ${maxRecordBytes} fit`)
    if (bytesOf(segments) + this.#waitingBytes + frameHeaderBytes + record.length > maxBytes)
      return new JournalError('journal-full', `the journal is at its limit of ${maxBytes} bytes`)
    return undefined
  }

  async #commitAll(): Promise<void> {
    // Whatever else arrives in this turn of the event loop joins the first write.
    await new Promise(resolve => setImmediate(resolve))
    while (this.#waiting.length > 0) {
      const group = this.#waiting
      this.#waiting = []
      const written = await this.#commit(group)
      if (written === undefined) continue
      this.#commits++
      this.#records += written.length
      this.#parts.recent.add(written)
      group.forEach((one, index) => one.resolve(written[index]?.offset ?? 0))
      this.#wake()
    }
    this.#running = undefined
  }

  /** Writes a group; its records with their offsets, or undefined when it failed and everybody was told. */
  async #commit(group: readonly Waiting[]): Promise<JournalRecord[] | undefined> {
    const bytes = framed(group)
    try {
      await this.#tail.write(bytes)
    } catch (cause) {
      const trouble = isDiskFull(cause) ? 'journal-full' : 'journal-write-failed'
      const error = new JournalError(trouble, `write ${group.length} records: ${String(cause)}`, { cause })
      for (const one of group) one.reject(error)
      return undefined
    } finally {
      this.#waitingBytes -= bytes.length
    }
    return located(group, { bytes, base: this.end() - bytes.length })
  }

  #wake(): void {
    const woken = this.#listeners
    this.#listeners = []
    for (const listener of woken) listener()
  }
}

/** The segment being written, and its file. */
interface Tail {
  end(): number
  /** Writes and syncs; throws when either failed, and then nothing of it counts. */
  write(bytes: Buffer): Promise<void>
  close(): Promise<void>
}

async function openTail({ dir, segments, segmentMaxBytes }: AppenderParts): Promise<Tail> {
  let active = segments.at(-1) ?? (await createSegment(dir, 0))
  let handle = await openForAppend(active)
  let dirty = false

  const roll = async () => {
    const next = await createSegment(dir, active.base + active.size)
    const nextHandle = await openForAppend(next)
    await handle.close()
    handle = nextHandle
    active = next
    segments.push(next)
  }
  return {
    end: () => active.base + active.size,
    async write(bytes) {
      // After a failed write the file may hold anything behind its sound end, and a failed fdatasync may have
      // dropped pages silently: cut it back before anything is written again.
      if (dirty) await handle.truncate(active.size)
      dirty = true
      if (active.size >= segmentMaxBytes) await roll()
      await writeAll(handle, { bytes, position: active.size })
      await handle.datasync()
      active.size += bytes.length
      dirty = false
    },
    close: () => handle.close(),
  }
}

async function writeAll(handle: FileHandle, { bytes, position }: { bytes: Buffer; position: number }): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done)
    done += bytesWritten
  }
}

function framed(group: readonly Waiting[]): Buffer {
  let total = 0
  for (const { record } of group) total += frameHeaderBytes + record.length
  const bytes = Buffer.allocUnsafe(total)
  let at = 0
  for (const { record } of group) at = putFrame(bytes, at, record)
  return bytes
}

function isDiskFull(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && (cause.code === 'ENOSPC' || cause.code === 'EDQUOT')
}

function located(group: readonly Waiting[], { bytes, base }: { bytes: Buffer; base: number }): JournalRecord[] {
  let at = 0
  return group.map(({ record }) => {
    const begin = at
    at += frameHeaderBytes + record.length
    return { offset: base + begin, next: base + at, record: bytes.subarray(begin + frameHeaderBytes, at) }
  })
}
