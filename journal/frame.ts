/**
 * One record on disk: length (u32 LE), CRC-32 (u32 LE), bytes. The CRC starts from the length, so that a length
 * that rotted is found like a byte that rotted. A length of zero never occurs: a tail of zeros is a torn one.
 */
import { crc32 } from 'node:zlib'

export const frameHeaderBytes = 8
/** No message of ours comes near it; a length beyond it is damage. */
export const maxRecordBytes = 16 * 1024 * 1024

export interface JournalRecord {
  /** Where it begins; what `append` resolved with. */
  readonly offset: number
  /** Where the next one begins: what a consumer checkpoints when it is done with this one. */
  readonly next: number
  readonly record: Uint8Array
  /** What it held when it was written, where the registry has changed since and readings or the gateway have left it. */
  readonly origin?: { readonly gateway: string; readonly readings: number } | undefined
}

/** What becomes a record: bytes, or something that writes itself to where the write begins from. */
export type RecordSource = Uint8Array | { readonly length: number; putInto(target: Buffer, at: number): void }

/** Writes a frame into `target` at `at`; returns the record in it, which ends where the next frame begins. */
export function putFrame(target: Buffer, at: number, source: RecordSource): Buffer {
  const begin = at + frameHeaderBytes
  const record = target.subarray(begin, begin + source.length)
  if (source instanceof Uint8Array) record.set(source)
  else source.putInto(target, begin)
  target.writeUInt32LE(source.length, at)
  target.writeUInt32LE(crc32(record, source.length), at + 4)
  return record
}

/**
 * - `whole`: a sound record, the next frame begins at `end`
 * - `damaged`: its length is believable, its bytes are not; `end` is where the next frame would begin
 * - `short`: it needs `bytes` from `at` on, and the buffer ends before
 * - `nonsense`: no frame begins here
 */
export type Frame =
  | { readonly kind: 'whole'; readonly record: Buffer; readonly end: number }
  | { readonly kind: 'damaged'; readonly end: number }
  | { readonly kind: 'short'; readonly bytes: number }
  | { readonly kind: 'nonsense' }

/** Reads the frame that begins at `at`. */
export function takeFrame(source: Buffer, at: number): Frame {
  if (at + frameHeaderBytes > source.length) return { kind: 'short', bytes: frameHeaderBytes }
  const length = source.readUInt32LE(at)
  if (length === 0 || length > maxRecordBytes) return { kind: 'nonsense' }
  const end = at + frameHeaderBytes + length
  if (end > source.length) return { kind: 'short', bytes: end - at }
  const record = source.subarray(at + frameHeaderBytes, end)
  if (crc32(record, length) !== source.readUInt32LE(at + 4)) return { kind: 'damaged', end }
  return { kind: 'whole', record, end }
}

/**
 * Where the sound part of a segment ends. A damaged record with a sound one behind it is rot, not a torn write:
 * what follows it was acknowledged and stays.
 */
export function soundLength(segment: Buffer): number {
  let sound = 0
  for (let at = 0; ; ) {
    const frame = takeFrame(segment, at)
    if (frame.kind === 'short' || frame.kind === 'nonsense') return sound
    at = frame.end
    if (frame.kind === 'whole') sound = at
  }
}
