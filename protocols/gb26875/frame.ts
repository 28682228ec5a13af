/**
 * The outer shell of GB/T 26875.3-2011, by which fire transmitters speak to a monitoring centre: `@@`, control unit,
 * application data, sum, `##`. All numbers are little-endian, unlike everything else in this room.
 */
import { FrameStream, type StreamRead } from '../frame-stream.ts'

export interface FireFrame {
  /** A confirmation or denial repeats the serial number of what it answers. */
  readonly serial: number
  /** Main and user version, `1.1`. */
  readonly version: string
  /** Local time without a zone, as sent: `2020-10-22T17:13:24`. */
  readonly time: string
  /** Twelve hex digits. */
  readonly source: string
  readonly dest: string
  /** 1 control, 2 send, 3 confirm, 4 request, 5 answer, 6 deny. */
  readonly command: number
  readonly data: Uint8Array
}

export interface FireFault {
  readonly fault: 'reject' | 'incomplete' | 'quarantine'
  readonly error: string
}

export const commands = { control: 1, send: 2, confirm: 3, request: 4, answer: 5, deny: 6 } as const

/** The longest application data, bytes (§8.2). */
const longestData = 1024
const beforeData = 27
const afterData = 3
const startMark = Uint8Array.of(0x40, 0x40)
const endMark = 0x2323

/** Reads one frame, from `@@` to `##`. */
export function readFireFrame(bytes: Uint8Array): FireFrame | FireFault {
  const frame = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (!startMark.every((byte, at) => at >= frame.length || frame[at] === byte)) return reject('does not begin with @@')
  if (frame.length < beforeData + afterData) return { fault: 'incomplete', error: 'the frame is not all there yet' }
  const length = frame.readUInt16LE(24)
  if (length > longestData) return reject(`${length} bytes of data are more than ${longestData}`)
  const expected = beforeData + length + afterData
  const right = isClosed(frame)
  if (frame.length !== expected && right) {
    const found = frame.length - beforeData - afterData
    return { fault: 'quarantine', error: `the frame says ${length} bytes of data, there are ${found}` }
  }
  if (frame.length < expected)
    return { fault: 'incomplete', error: `${expected - frame.length} bytes are not there yet` }
  if (frame.length > expected) return reject(`${frame.length - expected} bytes too many`)
  if (frame.readUInt16BE(frame.length - 2) !== endMark) return reject('does not end with ##')
  if (!right) return reject(`the sum is ${frame[frame.length - 3]}, computed ${sumOf(frame)}`)
  return {
    serial: frame.readUInt16LE(2),
    version: `${frame[4]}.${frame[5]}`,
    time: timeText(frame.subarray(6, 12)),
    source: address(frame.subarray(12, 18)),
    dest: address(frame.subarray(18, 24)),
    command: frame.readUInt8(26),
    data: frame.subarray(beforeData, -afterData),
  }
}

/** The bytes of one frame. Throws RangeError when the data is over 1024 bytes. */
export function writeFireFrame({ serial, version, time, source, dest, command, data }: FireFrame): Uint8Array {
  if (data.length > longestData) throw new RangeError(`${data.length} bytes of data are more than ${longestData}`)
  const head = Buffer.alloc(beforeData)
  head.set(startMark)
  head.writeUInt16LE(serial, 2)
  head.set(version.split('.').map(Number), 4)
  head.set(timeBytes(time), 6)
  head.set(Buffer.from(source, 'hex').reverse(), 12)
  head.set(Buffer.from(dest, 'hex').reverse(), 18)
  head.writeUInt16LE(data.length, 24)
  head.writeUInt8(command, 26)
  const frame = Buffer.concat([head, data, Uint8Array.of(0, 0x23, 0x23)])
  frame[frame.length - afterData] = sumOf(frame)
  return frame
}

/**
 * The confirmation (or denial) of a frame: same serial number, addresses swapped. `time` is the local time of the
 * answer, `2020-10-22T17:13:24`.
 */
export function answerFrame(
  asked: FireFrame,
  { verdict, time }: { verdict: 'confirm' | 'deny'; time: string },
): FireFrame {
  const { serial, version, source, dest } = asked
  return { serial, version, time, source: dest, dest: source, command: commands[verdict], data: new Uint8Array() }
}

/** Frames out of a stream. */
export function openFireStream(): FrameStream<FireFrame> {
  return new FrameStream({ read: readInStream, nextStart, longestBytes: beforeData + longestData + afterData })
}

/** The first frame of what has come so far: as long as it says. */
function readInStream(bytes: Uint8Array): StreamRead<FireFrame> {
  const size = bytes.length < beforeData ? bytes.length : beforeData + lengthIn(bytes) + afterData
  const read = readFireFrame(bytes.subarray(0, size))
  if (!('fault' in read)) return { kind: 'frame', frame: read, next: size }
  const kinds = { incomplete: 'incomplete', reject: 'broken', quarantine: 'contradiction' } as const
  return { kind: kinds[read.fault], detail: read.error }
}

function lengthIn(bytes: Uint8Array): number {
  return (bytes[24] ?? 0) | ((bytes[25] ?? 0) << 8)
}

/** `@@`; one at the end may become the first of two. */
function nextStart(bytes: Uint8Array, from: number): number {
  for (let at = from; at < bytes.length; at++) {
    if (bytes[at] === 0x40 && (at + 1 === bytes.length || bytes[at + 1] === 0x40)) return at
  }
  return -1
}

/** Six bytes: second, minute, hour, day, month, year from 2000. */
export function timeText(bytes: Uint8Array): string {
  const [second, minute, hour, day, month, year] = Array.from(bytes, byte => String(byte).padStart(2, '0'))
  return `20${year}-${month}-${day}T${hour}:${minute}:${second}`
}

/** The way back of `timeText`. */
export function timeBytes(time: string): Uint8Array {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = time.split(/[-T:]/).map(Number)
  return Uint8Array.of(second, minute, hour, day, month, year % 100)
}

/** Whether it ends with a right sum and `##`, however long. */
function isClosed(frame: Buffer): boolean {
  return frame.readUInt16BE(frame.length - 2) === endMark && frame[frame.length - afterData] === sumOf(frame)
}

/** Low eight bits of the sum from serial number to the end of the data. */
function sumOf(frame: Uint8Array): number {
  return frame.subarray(2, -afterData).reduce((sum, byte) => (sum + byte) & 0xff, 0)
}

function address(bytes: Buffer): string {
  return Buffer.from(bytes).reverse().toString('hex').toUpperCase()
}

function reject(error: string): FireFault {
  return { fault: 'reject', error }
}
