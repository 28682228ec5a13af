/** HJ 212 for `forewarn decode` and the vectors. */
import { accepted, type Decoded, type Frame, type FrameDecoder, refused } from '../frame-decoder.ts'
import { hexOf } from '../hex.ts'
import { type Hj212Dialect, readHj212 } from './frame.ts'
import { type Hj212Message, mergeHj212, packetNumber, readHj212Message } from './message.ts'

export const hj212Decoder: FrameDecoder = {
  protocol: 'hj212',
  standard: 'HJ 212-2017, HJ/T 212-2005',
  decode({ bytes, text, parts }: Frame): Decoded {
    if (parts !== undefined) return decodeParts(parts)
    if (text !== undefined) return decodeBytes(Buffer.from(text))
    return bytes === undefined ? refused('a packet of HJ 212 is text') : decodeBytes(bytes)
  },
}

const verdictOf = { incomplete: 'incomplete', broken: 'reject', contradiction: 'quarantine' } as const

interface ReadMessage {
  readonly message: Hj212Message
  readonly dialect: Hj212Dialect
  readonly next: number
}

function read(bytes: Uint8Array): ReadMessage | Decoded {
  const found = readHj212(bytes)
  if (found.kind !== 'packet') return refused(found.detail, verdictOf[found.kind])
  const { packet, next } = found
  return { message: readHj212Message(packet.text), dialect: packet.dialect, next }
}

function decodeBytes(bytes: Uint8Array): Decoded {
  const first = read(bytes)
  if (!('message' in first)) return first
  if (first.next === bytes.length) return inDialect(first.dialect, first.message)
  const messages = [first.message]
  let at = first.next
  for (let more = read(bytes.subarray(at)); 'message' in more; more = read(bytes.subarray(at))) {
    messages.push(more.message)
    at += more.next
  }
  const trailing = hexOf(bytes.subarray(at))
  if (messages.length === 1 && /^(?:[0-9A-F]{2})*$/.test(trailing) && isBlank(bytes.subarray(at))) {
    return inDialect(first.dialect, first.message)
  }
  return inDialect(first.dialect, { frames: messages.length, trailing }, ...messages)
}

function isBlank(bytes: Uint8Array): boolean {
  return bytes.every(byte => byte === 0x20 || byte === 0x0d || byte === 0x0a)
}

function inDialect(dialect: Hj212Dialect, ...records: unknown[]): Decoded {
  return dialect === 'annex-a' ? accepted(...records) : { ok: true, records, expect: 'accept-if-device-dialect-modbus' }
}

function decodeParts(parts: readonly Uint8Array[]): Decoded {
  const messages: Hj212Message[] = []
  const dialects = new Set<Hj212Dialect>()
  for (const [index, part] of parts.entries()) {
    const found = read(part)
    if (!('message' in found)) return refused(`packet ${index + 1}: ${found.error}`, found.expect)
    messages.push(found.message)
    dialects.add(found.dialect)
  }
  const missing = missingNumbers(messages)
  if (missing.length > 0) return refused(`packets ${missing.join(', ')} are missing`, 'incomplete')
  const whole = mergeHj212(messages)
  if (whole === undefined) return refused('there are no packets', 'incomplete')
  return inDialect(dialects.has('modbus') ? 'modbus' : 'annex-a', whole)
}

function missingNumbers(messages: readonly Hj212Message[]): number[] {
  const numbers = messages.map(packetNumber)
  const total = Math.min(numbers[0]?.packets ?? 0, 9999)
  const there = new Set(numbers.map(number => number?.packetNo))
  return Array.from({ length: total }, (_, index) => index + 1).filter(number => !there.has(number))
}
