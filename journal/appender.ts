/**
 * Group commit: one durable write in flight; everything that arrives meanwhile goes into the next.
 * The only code that writes segments.
 */
import { write } from 'node:fs'
import { frameHeaderBytes, type JournalRecord, maxRecordBytes, putFrame, type RecordSource } from './frame.ts'
import { JournalError } from './journal-error.ts'
import { createSegment, openForAppend, type Segment, writesAreDurable } from './segments.ts'

/** A record that is on disk, and what it was written from. */
export interface WrittenRecord extends JournalRecord {
  readonly source: RecordSource
}

interface AppenderParts {
  /** Of what is kept now, in bytes. */
  readonly bytesInUse: () => number
  /** Told of each group once it is on disk, before those who wait for it. */
  readonly onWritten: (records: readonly WrittenRecord[]) => void
  readonly maxBytes: number
}

interface FileTailParts {
  readonly dir: string
  /** Shared with readers: the last is the one being written. */
  readonly segments: Segment[]
  readonly segmentMaxBytes: number
}

/** Records that share a write; everybody who waits for one of them waits for the same promise. */
interface Group {
  readonly sources: RecordSource[]
  bytes: number
  readonly written: PromiseWithResolvers<readonly WrittenRecord[]>
}

/** A group beyond it takes no more records: those go into the next one. */
const groupMaxBytes = 2 * 1024 * 1024
/** Between the beginnings of two writes, ms: some 300 a second. A PUBACK waits for half of it on average. */
const companyMs = 3

export async function openAppender(parts: AppenderParts & FileTailParts): Promise<Appender> {
  return new Appender(parts, await openTail(parts))
}

export class Appender {
  readonly #parts: AppenderParts
  readonly #tail: Tail
  readonly #groups: Group[] = []
  #waitingBytes = 0
  #running: Promise<void> | undefined
  #closed = false
  #listeners: (() => void)[] = []
  #commits = 0
  #records = 0
  /** When the last group was closed, ms since the process began, and how many records it had. */
  #committedAtMs = Number.NEGATIVE_INFINITY
  #lastRecords = 0

  constructor(parts: AppenderParts, tail: Tail) {
    this.#parts = parts
    this.#tail = tail
  }

  /** Resolves with the record's offset once it is on disk; rejects with a JournalError. */
  async append(source: RecordSource): Promise<number> {
    const group = this.#join(source)
    if (group instanceof JournalError) throw group
    const index = group.sources.length - 1
    const written = await group.written.promise
    return written[index]?.offset ?? 0
  }

  /** The same for those who need no offset: a promise that all of a group share. */
  appendShared(source: RecordSource): Promise<unknown> {
    const group = this.#join(source)
    return group instanceof JournalError ? Promise.reject(group) : group.written.promise
  }

  /** The group that the source goes with, or why it cannot be taken. */
  #join(source: RecordSource): Group | JournalError {
    const refused = this.#refusal(source)
    if (refused !== undefined) return refused
    const open = this.#groups.at(-1)
    const group = open !== undefined && open.bytes < groupMaxBytes ? open : emptyGroup()
    if (group !== open) this.#groups.push(group)
    group.sources.push(source)
    group.bytes += frameHeaderBytes + source.length
    this.#waitingBytes += frameHeaderBytes + source.length
    this.#running ??= this.#commitAll()
    return group
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

  /** True when the end lies behind `offset`; false when it was closed or aborted before. */
  moreThan(offset: number, signal?: AbortSignal): Promise<boolean> {
    return new Promise(resolve => {
      if (this.#closed || signal?.aborted || this.end() > offset) return resolve(this.end() > offset)
      const done = () => {
        signal?.removeEventListener('abort', done)
        resolve(this.end() > offset)
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

  #refusal(record: RecordSource): JournalError | undefined {
    const { bytesInUse, maxBytes } = this.#parts
    if (this.#closed) return new JournalError('journal-closed', 'the journal is closed')
    if (record.length === 0 || record.length > maxRecordBytes)
      return new JournalError('record-too-large', `a record of ${record.length} bytes; 1 to ${maxRecordBytes} fit`)
    if (bytesInUse() + this.#waitingBytes + frameHeaderBytes + record.length > maxBytes)
      return new JournalError('journal-full', `the journal is at its limit of ${maxBytes} bytes`)
    return undefined
  }

  async #commitAll(): Promise<void> {
    // Whatever else arrives in this turn of the event loop joins the first write.
    await new Promise(resolve => setImmediate(resolve))
    for (let group = this.#groups[0]; group !== undefined; group = this.#groups[0]) {
      await this.#company(group)
      this.#groups.shift()
      await this.#commit(group)
    }
    this.#running = undefined
  }

  /**
   * A write costs the machine the same however much is in it: where many write, each waits for others. Whoever is
   * alone does not: nobody would come.
   */
  async #company(group: Group): Promise<void> {
    const waitedMs = performance.now() - this.#committedAtMs
    const isAlone = group.sources.length === 1 && this.#lastRecords <= 1
    if (!isAlone && group.bytes < groupMaxBytes && waitedMs < companyMs)
      await new Promise(resolve => setTimeout(resolve, companyMs - waitedMs))
    this.#committedAtMs = performance.now()
    this.#lastRecords = group.sources.length
  }

  /** Writes a group, and tells everybody who waits for it how that went. */
  async #commit(group: Group): Promise<void> {
    const { bytes, records } = framed(group, this.end())
    try {
      await this.#tail.write(bytes)
    } catch (cause) {
      group.written.reject(troubleOf(cause, records.length))
      return
    } finally {
      this.#waitingBytes -= bytes.length
    }
    this.#commits++
    this.#records += records.length
    this.#parts.onWritten(records)
    group.written.resolve(records)
    this.#wake()
  }

  #wake(): void {
    const woken = this.#listeners
    this.#listeners = []
    for (const listener of woken) listener()
  }
}

/** Where groups are written: the end of the journal, in a file or elsewhere. */
export interface Tail {
  end(): number
  /** Writes and syncs; throws when either failed, and then nothing of it counts. */
  write(bytes: Buffer): Promise<void>
  close(): Promise<void>
}

/** The segment being written, and its file. */
async function openTail({ dir, segments, segmentMaxBytes }: FileTailParts): Promise<Tail> {
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
      await writeAll(handle.fd, { bytes, position: active.size })
      if (!writesAreDurable) await handle.datasync()
      active.size += bytes.length
      dirty = false
    },
    close: () => handle.close(),
  }
}

async function writeAll(fd: number, { bytes, position }: { bytes: Buffer; position: number }): Promise<void> {
  for (let done = 0; done < bytes.length; ) done += await writeSome(fd, bytes.subarray(done), position + done)
}

/** By callback: a promise of the file system module costs several times what the call itself does. */
function writeSome(fd: number, bytes: Buffer, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, 0, bytes.length, position, (error, written) => (error === null ? resolve(written) : reject(error)))
  })
}

function emptyGroup(): Group {
  return { sources: [], bytes: 0, written: Promise.withResolvers() }
}

/** The bytes of a group as they lie from `base` on, and its records in them. */
function framed({ sources, bytes: total }: Group, base: number): { bytes: Buffer; records: WrittenRecord[] } {
  const bytes = Buffer.allocUnsafe(total)
  const records: WrittenRecord[] = []
  let at = 0
  for (const source of sources) {
    const record = putFrame(bytes, at, source)
    const offset = base + at
    at += frameHeaderBytes + source.length
    records.push({ offset, next: base + at, record, source })
  }
  return { bytes, records }
}

function troubleOf(cause: unknown, records: number): JournalError {
  const code = cause instanceof JournalError ? cause.code : isDiskFull(cause) ? 'journal-full' : 'journal-write-failed'
  return new JournalError(code, `write ${records} records: ${String(cause)}`, { cause })
}

function isDiskFull(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && (cause.code === 'ENOSPC' || cause.code === 'EDQUOT')
}
