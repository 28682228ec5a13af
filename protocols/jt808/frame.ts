/**
 * The outer shell of JT/T 808 messages, 2013 and 2019 editions: start mark, escaping, check byte, header, sub-packages.
 * What stands inside a body is read in bodies.ts and location.ts.
 */

/** Start and end of a message; inside it stands as 7D 02, and 7D as 7D 01. */
const mark = 0x7e
const escape = 0x7d

export interface Jt808Message {
  /** Four hex digits, upper case. */
  readonly msgId: string
  /** 0 when in clear; 1 is RSA. An encrypted body is kept as it is. */
  readonly encrypt: number
  readonly version2019: boolean
  /** The edition byte of the 2019 header. */
  readonly protocolVersion?: number
  /** The terminal's number: 12 digits (2013) or 20 (2019). */
  readonly phone: string
  readonly serial: number
  /** Of a message that came in several packets: how many, and which this is, from 1. */
  readonly packets?: { readonly total: number; readonly index: number }
  readonly body: Uint8Array
}

/** A message that is broken (`reject`), unfinished, or whose length field contradicts a right check byte. */
export interface Jt808Fault {
  readonly fault: 'reject' | 'incomplete' | 'quarantine'
  readonly error: string
}

/** Reads one message, from 7E to 7E. */
export function readMessage(bytes: Uint8Array): Jt808Message | Jt808Fault {
  if (bytes.length === 0) return { fault: 'incomplete', error: 'no bytes' }
  if (bytes[0] !== mark) return { fault: 'reject', error: 'does not begin with 7E' }
  const end = bytes.indexOf(mark, 1)
  if (end < 0) return { fault: 'incomplete', error: 'the closing 7E is not there yet' }
  if (end !== bytes.length - 1) return { fault: 'reject', error: `a bare 7E at byte ${end}` }
  const inner = unescaped(bytes.subarray(1, end))
  if (typeof inner === 'number')
    return { fault: 'reject', error: `7D at byte ${inner + 1} is followed by neither 01 nor 02` }
  return readInner(inner)
}

function readInner(inner: Buffer): Jt808Message | Jt808Fault {
  // The shortest header of all and the check byte.
  if (inner.length < 13) return { fault: 'reject', error: `${inner.length} bytes are too few for a header` }
  const given = inner[inner.length - 1]
  const computed = checkByte(inner.subarray(0, -1))
  if (given !== computed) return { fault: 'reject', error: `check byte is ${hex(given)}, computed ${hex(computed)}` }
  const attributes = inner.readUInt16BE(2)
  const version2019 = (attributes & 0x4000) !== 0
  const split = (attributes & 0x2000) !== 0
  const phoneAt = version2019 ? 5 : 4
  const serialAt = version2019 ? 15 : 10
  const bodyAt = serialAt + 2 + (split ? 4 : 0)
  const bodyLength = attributes & 0x3ff
  const body = inner.subarray(bodyAt, -1)
  if (inner.length - 1 < bodyAt || body.length !== bodyLength) {
    const found = Math.max(0, inner.length - 1 - bodyAt)
    return { fault: 'quarantine', error: `the header says ${bodyLength} bytes of body, there are ${found}` }
  }
  return {
    msgId: inner.toString('hex', 0, 2).toUpperCase(),
    encrypt: (attributes >> 10) & 7,
    version2019,
    ...(version2019 ? { protocolVersion: inner.readUInt8(4) } : {}),
    phone: inner.toString('hex', phoneAt, serialAt),
    serial: inner.readUInt16BE(serialAt),
    ...(split ? { packets: { total: inner.readUInt16BE(bodyAt - 4), index: inner.readUInt16BE(bodyAt - 2) } } : {}),
    body,
  }
}

/** The bytes of one message, ready for the line. Throws RangeError for a body over 1023 bytes: split it. */
export function writeMessage(message: Jt808Message): Uint8Array {
  const { body, version2019, packets } = message
  if (body.length > 0x3ff) throw new RangeError(`${body.length} bytes do not fit into one packet`)
  const attributes = Buffer.alloc(2)
  attributes.writeUInt16BE(
    body.length | ((message.encrypt & 7) << 10) | (packets === undefined ? 0 : 0x2000) | (version2019 ? 0x4000 : 0),
  )
  const inner = Buffer.concat([
    Buffer.from(message.msgId, 'hex'),
    attributes,
    version2019 ? Uint8Array.of(message.protocolVersion ?? 1) : new Uint8Array(),
    Buffer.from(message.phone.padStart(version2019 ? 20 : 12, '0'), 'hex'),
    words(message.serial),
    packets === undefined ? new Uint8Array() : words(packets.total, packets.index),
    body,
  ])
  return Uint8Array.from([mark, ...escaped([...inner, checkByte(inner)]), mark])
}

/**
 * The message that came in `packets` (any order), or what is missing. Every packet must have the same kind and phone,
 * and serial numbers that follow each other.
 */
export function joinPackets(packets: readonly Jt808Message[]): Jt808Message | Jt808Fault {
  const sorted = packets.toSorted((a, b) => (a.packets?.index ?? 0) - (b.packets?.index ?? 0))
  const [first] = sorted
  if (first?.packets === undefined) return { fault: 'reject', error: 'not a packet of a longer message' }
  const { total } = first.packets
  const stranger = sorted.find(({ msgId, phone, packets }) => {
    return msgId !== first.msgId || phone !== first.phone || packets?.total !== total
  })
  if (stranger !== undefined) return { fault: 'reject', error: 'the packets belong to different messages' }
  for (let index = 1; index <= total; index++) {
    const found = sorted.filter(({ packets }) => packets?.index === index).length
    if (found === 0) return { fault: 'incomplete', error: `packet ${index} of ${total} is missing` }
    if (found > 1) return { fault: 'reject', error: `packet ${index} of ${total} came ${found} times` }
  }
  if (sorted.length !== total) return { fault: 'reject', error: `${sorted.length} packets for a message of ${total}` }
  const { packets: _, ...header } = first
  return { ...header, body: Buffer.concat(sorted.map(({ body }) => body)) }
}

/** Cuts a TCP stream into messages: 7E … 7E each. What stands between two messages is counted and left out. */
export function jt808Framer({ maxBytes = 4096 }: { maxBytes?: number } = {}) {
  let held: Buffer = Buffer.alloc(0)
  let strayBytes = 0
  return {
    /** Bytes so far that belonged to no message. */
    strayBytes: () => strayBytes,
    /** The messages that `chunk` completes, with their marks, not yet checked. */
    push(chunk: Uint8Array): Uint8Array[] {
      held = Buffer.concat([held, chunk])
      const frames: Uint8Array[] = []
      for (;;) {
        const start = held.indexOf(mark)
        strayBytes += start < 0 ? held.length : start
        if (start < 0) {
          held = Buffer.alloc(0)
          return frames
        }
        // 7E 7E: the end of one and the start of the next, or a lost message in between.
        const end = held.indexOf(mark, start + 1)
        if (end === start + 1) {
          held = held.subarray(end)
          continue
        }
        if (end < 0 && held.length - start <= maxBytes) {
          held = held.subarray(start)
          return frames
        }
        if (end < 0) {
          strayBytes += held.length - start
          held = Buffer.alloc(0)
          return frames
        }
        const frame = held.subarray(start, end + 1)
        // A message that is none may be what lies between two: then its closing mark opens the next one.
        const isMessage = 'body' in readMessage(frame)
        frames.push(frame)
        held = held.subarray(isMessage ? end + 1 : end)
      }
    },
  }
}

function unescaped(bytes: Uint8Array): Buffer | number {
  const out = Buffer.alloc(bytes.length)
  let length = 0
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0
    if (byte !== escape) {
      out[length++] = byte
      continue
    }
    const next = bytes[at + 1]
    if (next !== 1 && next !== 2) return at
    out[length++] = next === 1 ? escape : mark
    at++
  }
  return out.subarray(0, length)
}

function escaped(bytes: readonly number[]): number[] {
  return bytes.flatMap(byte => (byte === mark ? [escape, 2] : byte === escape ? [escape, 1] : [byte]))
}

function checkByte(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte) => sum ^ byte, 0)
}

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2)
  values.forEach((value, index) => void bytes.writeUInt16BE(value & 0xffff, index * 2))
  return bytes
}

function hex(byte: number | undefined): string {
  return (byte ?? 0).toString(16).toUpperCase().padStart(2, '0')
}
