/**
 * One file out of many and back: a tar (POSIX ustar, with GNU's sizes beyond 8 GB), gzipped, written and read as a
 * stream, so that memory stays flat however much is kept. Any tar program can look into it.
 */
import { createHash, type Hash } from 'node:crypto'
import { createReadStream, createWriteStream, type WriteStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip, type Gzip } from 'node:zlib'

const blockBytes = 512

export interface WrittenEntry {
  readonly name: string
  readonly bytes: number
  /** SHA-256 of the content, hex. */
  readonly sha256: string
}

export interface ArchiveWriter {
  /** A name that ends with a slash is an empty folder. */
  addBytes(name: string, content: Uint8Array): Promise<WrittenEntry>
  /** As long as the file is now: what is appended to it meanwhile is left out. */
  addFile(name: string, path: string): Promise<WrittenEntry>
  /** Ends the archive; resolves once it is on disk. */
  finish(): Promise<void>
}

/** Begins an archive in a file that its caller has made. */
export function writeArchive(file: string): ArchiveWriter {
  // Level 1: readings and column files hardly shrink further, and a duty station has other things to do.
  const gzip = createGzip({ level: 1 })
  const target: WriteStream = createWriteStream(file, { flags: 'r+' })
  const written = pipeline(gzip, target)
  // Whoever adds or finishes hears of it.
  written.catch(() => {})
  return {
    async addBytes(name, content) {
      await put(gzip, header(name, content.length), written)
      await put(gzip, content, written)
      await put(gzip, padding(content.length), written)
      return { name, bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') }
    },
    async addFile(name, path) {
      const { size } = await stat(path)
      await put(gzip, header(name, size), written)
      const hash = createHash('sha256')
      if (size > 0)
        for await (const chunk of createReadStream(path, { end: size - 1 })) {
          const bytes = bytesIn(chunk)
          hash.update(bytes)
          await put(gzip, bytes, written)
        }
      await put(gzip, padding(size), written)
      return { name, bytes: size, sha256: hash.digest('hex') }
    },
    async finish() {
      gzip.end(Buffer.alloc(2 * blockBytes))
      await written
      const handle = await open(file, 'r')
      await handle.sync().finally(() => handle.close())
    },
  }
}

function bytesIn(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk
  throw new TypeError('a stream of bytes gave something else')
}

async function put(gzip: Gzip, bytes: Uint8Array, written: Promise<void>): Promise<void> {
  if (bytes.length === 0 || gzip.write(bytes)) return
  await Promise.race([new Promise(resolve => gzip.once('drain', resolve)), written])
}

function padding(bytes: number): Uint8Array {
  return Buffer.alloc((blockBytes - (bytes % blockBytes)) % blockBytes)
}

/** Offsets of POSIX.1-1988 ustar: name 0, mode 100, size 124, mtime 136, checksum 148, type 156, magic 257, prefix 345. */
function header(name: string, bytes: number): Buffer {
  const block = Buffer.alloc(blockBytes)
  const cut = name.length <= 100 ? 0 : name.lastIndexOf('/', 154) + 1
  if (Buffer.byteLength(name.slice(cut)) > 100) throw new RangeError(`the name ${name} is too long for an archive`)
  block.write(name.slice(cut), 0)
  if (cut > 0) block.write(name.slice(0, cut - 1), 345)
  block.write('0000600\0', 100)
  block.write('0000000\0', 108)
  block.write('0000000\0', 116)
  putSize(block, bytes)
  block.write('00000000000\0', 136)
  block.write('        ', 148)
  block.write(name.endsWith('/') ? '5' : '0', 156)
  block.write('ustar\u000000', 257)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

const octalLimit = 8 ** 11

function putSize(block: Buffer, bytes: number): void {
  if (bytes < octalLimit) return void block.write(`${bytes.toString(8).padStart(11, '0')}\0`, 124)
  block[124] = 0x80
  block.writeBigUInt64BE(BigInt(bytes), 128)
}

function sizeIn(block: Buffer): number {
  if (block[124] === 0x80) return Number(block.readBigUInt64BE(128))
  return Number.parseInt(block.toString('latin1', 124, 136), 8)
}

function nameIn(block: Buffer): string {
  const text = (from: number, to: number) => block.toString('utf8', from, to).replace(/\0.*$/s, '')
  const prefix = text(345, 500)
  return prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`
}

/** Where the content of an entry goes while it is read. */
export interface EntrySink {
  write(chunk: Uint8Array): Promise<void>
  end(): Promise<void>
}

/** Reads an archive, entry by entry; resolves with what was in it. Throws for a file that is none, or is cut short. */
export async function readArchive(
  file: string,
  sinkFor: (name: string, bytes: number) => Promise<EntrySink>,
): Promise<WrittenEntry[]> {
  const reader = new Unpacking(sinkFor)
  await pipeline(createReadStream(file), createGunzip(), async chunks => {
    for await (const chunk of chunks) await reader.take(Buffer.from(bytesIn(chunk)))
  })
  return reader.finished()
}

interface OpenEntry {
  readonly name: string
  readonly bytes: number
  left: number
  readonly padding: number
  readonly sink: EntrySink
  readonly hash: Hash
}

class Unpacking {
  readonly #sinkFor: (name: string, bytes: number) => Promise<EntrySink>
  readonly #entries: WrittenEntry[] = []
  #rest: Buffer = Buffer.alloc(0)
  #current: OpenEntry | undefined
  #isOver = false

  constructor(sinkFor: (name: string, bytes: number) => Promise<EntrySink>) {
    this.#sinkFor = sinkFor
  }

  async take(chunk: Buffer): Promise<void> {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    while (await this.#step());
  }

  finished(): WrittenEntry[] {
    if (!this.#isOver || this.#current !== undefined) throw new Error('the archive is cut short')
    return this.#entries
  }

  /** Goes on as far as one header or one piece of content; false when more bytes are needed. */
  async #step(): Promise<boolean> {
    if (this.#current !== undefined) return await this.#content(this.#current)
    if (this.#rest.length < blockBytes) return false
    const block = this.#rest.subarray(0, blockBytes)
    this.#rest = this.#rest.subarray(blockBytes)
    if (block.every(byte => byte === 0)) {
      this.#isOver = true
      return true
    }
    if (block.toString('latin1', 257, 262) !== 'ustar') throw new Error('the file is no archive of ours')
    const bytes = sizeIn(block)
    const name = nameIn(block)
    const sink = await this.#sinkFor(name, bytes)
    this.#current = { name, bytes, left: bytes, padding: padding(bytes).length, sink, hash: createHash('sha256') }
    return true
  }

  async #content(current: OpenEntry): Promise<boolean> {
    const piece = this.#rest.subarray(0, current.left)
    if (piece.length > 0) {
      current.hash.update(piece)
      await current.sink.write(piece)
      current.left -= piece.length
      this.#rest = this.#rest.subarray(piece.length)
    }
    if (current.left > 0 || this.#rest.length < current.padding) return false
    this.#rest = this.#rest.subarray(current.padding)
    await current.sink.end()
    const { name, bytes, hash } = current
    this.#entries.push({ name, bytes, sha256: hash.digest('hex') })
    this.#current = undefined
    return true
  }
}
