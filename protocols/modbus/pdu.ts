/**
 * What Modbus devices and their masters say, without the shell of the line (Modbus Application Protocol 1.1b3, §6).
 * Nothing in a message says whether it asks or answers; its length does, but for a few bit fields.
 */

export interface ModbusPdu {
  /** Without the bit that marks an exception. */
  readonly fn: number
  /** 1 no such function, 2 no such address, 3 value not allowed, 4 device failed, 5 accepted, 6 busy, … */
  readonly exception?: number
  readonly start?: number
  readonly count?: number
  /** Of a single write (5, 6) and a masked write (22). */
  readonly address?: number
  readonly value?: number
  readonly and?: number
  readonly or?: number
  /** Of 23: what is written before reading. */
  readonly writeStart?: number
  readonly writeCount?: number
  /** Of answers to 3, 4 and 23, and of what 16 and 23 write. */
  readonly registers?: readonly number[]
  /** Of answers to 1 and 2, and of what 15 writes; answers fill the last byte up with zeros. */
  readonly bits?: readonly number[]
  /** Of functions that are not read further. */
  readonly dataHex?: string
}

/** Whether it asks, answers, or is the same both ways. */
export type Direction = 'request' | 'response' | 'either'

const readBits: ReadonlySet<number> = new Set([1, 2])
const readRegisters: ReadonlySet<number> = new Set([3, 4])
/** The most that one request may ask for. */
const mostBits = 2000
const mostRegisters = 125

/** Reads function and data; undefined when they cannot belong together. */
export function readPdu(bytes: Uint8Array): { direction: Direction; pdu: ModbusPdu } | undefined {
  const pdu = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const code = pdu[0]
  if (code === undefined || code === 0 || code === 0x80) return undefined
  if (code > 0x80) {
    return pdu.length === 2
      ? { direction: 'response', pdu: { fn: code - 0x80, exception: pdu.readUInt8(1) } }
      : undefined
  }
  if (readBits.has(code) || readRegisters.has(code)) return readQuery(pdu, code)
  if (code === 5 || code === 6) return readSingleWrite(pdu, code)
  if (code === 15 || code === 16) return readMultipleWrite(pdu, code)
  if (code === 22) return readMaskedWrite(pdu)
  if (code === 23) return readReadWrite(pdu)
  return { direction: 'either', pdu: { fn: code, ...(pdu.length > 1 ? { dataHex: hexOf(pdu.subarray(1)) } : {}) } }
}

function readQuery(pdu: Buffer, fn: number) {
  if (pdu.length === 5) {
    const count = pdu.readUInt16BE(3)
    const most = readBits.has(fn) ? mostBits : mostRegisters
    // Three bytes of bits are as long as a question; a question for so many bits would be refused.
    if (count >= 1 && count <= most) {
      return { direction: 'request' as const, pdu: { fn, start: pdu.readUInt16BE(1), count } }
    }
  }
  const data = counted(pdu, 1)
  if (data === undefined || data.length === 0) return undefined
  if (readBits.has(fn)) return { direction: 'response' as const, pdu: { fn, bits: bitsOf(data) } }
  return data.length % 2 === 0 ? { direction: 'response' as const, pdu: { fn, registers: wordsOf(data) } } : undefined
}

function readSingleWrite(pdu: Buffer, fn: number) {
  if (pdu.length !== 5) return undefined
  const value = pdu.readUInt16BE(3)
  if (fn === 5 && value !== 0 && value !== 0xff00) return undefined
  return { direction: 'either' as const, pdu: { fn, address: pdu.readUInt16BE(1), value } }
}

function readMultipleWrite(pdu: Buffer, fn: number) {
  if (pdu.length < 5) return undefined
  const head = { fn, start: pdu.readUInt16BE(1), count: pdu.readUInt16BE(3) }
  if (pdu.length === 5) return { direction: 'response' as const, pdu: head }
  const data = counted(pdu, 5)
  if (data === undefined || data.length !== (fn === 15 ? Math.ceil(head.count / 8) : head.count * 2)) return undefined
  const written = fn === 15 ? { bits: bitsOf(data).slice(0, head.count) } : { registers: wordsOf(data) }
  return { direction: 'request' as const, pdu: { ...head, ...written } }
}

function readMaskedWrite(pdu: Buffer) {
  if (pdu.length !== 7) return undefined
  const masks = { address: pdu.readUInt16BE(1), and: pdu.readUInt16BE(3), or: pdu.readUInt16BE(5) }
  return { direction: 'either' as const, pdu: { fn: 22, ...masks } }
}

function readReadWrite(pdu: Buffer) {
  const answer = counted(pdu, 1)
  if (answer !== undefined && answer.length > 0 && answer.length % 2 === 0) {
    return { direction: 'response' as const, pdu: { fn: 23, registers: wordsOf(answer) } }
  }
  const data = counted(pdu, 9)
  const writeCount = pdu.length < 10 ? 0 : pdu.readUInt16BE(7)
  if (data === undefined || data.length !== writeCount * 2) return undefined
  const asked = { start: pdu.readUInt16BE(1), count: pdu.readUInt16BE(3), writeStart: pdu.readUInt16BE(5), writeCount }
  return { direction: 'request' as const, pdu: { fn: 23, ...asked, registers: wordsOf(data) } }
}

/** What follows the byte at `at` when that says how much it is; undefined when it is more or less. */
function counted(pdu: Buffer, at: number): Buffer | undefined {
  const data = pdu.subarray(at + 1)
  return pdu.length > at && data.length === pdu[at] ? data : undefined
}

function wordsOf(data: Buffer): number[] {
  return Array.from({ length: data.length / 2 }, (_, index) => data.readUInt16BE(index * 2))
}

/** Lowest bit of the first byte first. */
function bitsOf(data: Buffer): number[] {
  return Array.from({ length: data.length * 8 }, (_, bit) => ((data[bit >> 3] ?? 0) >> (bit & 7)) & 1)
}

function hexOf(bytes: Buffer): string {
  return bytes.toString('hex').toUpperCase()
}
