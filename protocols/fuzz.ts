/**
 * For tests: thrown-together and damaged frames for any decoder. Whatever comes in, a decoder answers with a verdict
 * that holds together and never throws. The quick run tries some two thousand frames; `FOREWARN_FUZZ=100000` more.
 */
import { expect, test } from 'vitest'
import { type Decoded, type Frame, type FrameDecoder, frameVerdicts } from './frame-decoder.ts'

export interface FuzzOptions {
  /**
   * Puts the checksum of a damaged frame right again, so that what lies behind the checksum is reached too. Gets the
   * frame's bytes (of a text frame: its UTF-8), returns them mended; called with anything.
   */
  readonly repair?: (bytes: Uint8Array) => Uint8Array
}

/** How many frames one call of `fuzzDecoder` tries. */
export function fuzzCases(): number {
  const asked = Number(process.env['FOREWARN_FUZZ'])
  return Number.isSafeInteger(asked) && asked > 0 ? asked : 2000
}

/** One test: damaged `seeds` and random bytes, the same ones each time for a given number of cases. */
export function fuzzDecoder(
  name: string,
  decoder: FrameDecoder,
  seeds: readonly Frame[],
  { repair }: FuzzOptions = {},
): void {
  const timeoutMs = 30_000 + fuzzCases() * 5
  test(`${name}: no damaged frame makes the decoder throw or contradict itself`, { timeout: timeoutMs }, () => {
    const random = seededRandom(name)
    for (let round = 0; round < fuzzCases(); round++) {
      const frame = damagedFrame(seeds, random, repair)
      checkVerdict(decoder, frame)
    }
  })
}

/** A generator of 0 ≤ x < 1 that gives the same numbers for the same name (mulberry32). */
export function seededRandom(name: string): () => number {
  let state = 2166136261
  for (const char of name) state = Math.imul(state ^ char.charCodeAt(0), 16777619)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

function checkVerdict(decoder: FrameDecoder, frame: Frame): void {
  let decoded: Decoded
  try {
    decoded = decoder.decode(frame)
    JSON.stringify(decoded, noBigInt)
  } catch (cause) {
    throw new Error(`the decoder threw on ${shown(frame)}`, { cause })
  }
  const why = shown(frame)
  expect(frameVerdicts, why).toContain(decoded.expect)
  expect(decoded.ok, why).toBe(decoded.expect.startsWith('accept'))
  if (!decoded.ok) expect(decoded.error, why).toMatch(/\w/)
}

/** JSON has no words for these: a record that holds one cannot be shown, stored or compared. */
function noBigInt(_key: string, value: unknown): unknown {
  if (typeof value === 'number' && Number.isNaN(value)) throw new Error('a record holds NaN')
  return typeof value === 'bigint' ? value.toString() : value
}

function shown({ bytes, parts, text, json, ...rest }: Frame): string {
  const hex = (some: Uint8Array) => Buffer.from(some).toString('hex').toUpperCase()
  return JSON.stringify({ bytes: bytes && hex(bytes), parts: parts?.map(hex), text, json, ...rest })
}

export type Random = () => number

/** One of the seeds, damaged; now and then nothing but noise. */
export function damagedFrame(seeds: readonly Frame[], random: Random, repair?: FuzzOptions['repair']): Frame {
  const seed = pick(seeds, random)
  const noise = random() < 0.05 || seed === undefined
  if (noise) return seed?.text === undefined ? { bytes: randomBytes(random) } : { text: textOf(randomBytes(random)) }
  const { bytes, parts, text, json, ...rest } = seed
  const mend = repair !== undefined && random() < 0.5 ? repair : (some: Uint8Array) => some
  const damage = (some: Uint8Array) => mend(damaged(some, random))
  if (bytes !== undefined) return { ...rest, bytes: damage(bytes) }
  if (parts !== undefined) return { ...rest, parts: damagedParts(parts, random, damage) }
  if (text !== undefined) return { ...rest, text: textOf(damage(Buffer.from(text))) }
  return { ...rest, json: damagedJson(json, random) }
}

/** Packets lost, doubled, out of order, or damaged themselves. */
function damagedParts(parts: readonly Uint8Array[], random: Random, damage: (some: Uint8Array) => Uint8Array) {
  const kept = parts.filter(() => random() > 0.1)
  const doubled = kept.flatMap(part => (random() < 0.1 ? [part, part] : [part]))
  const shuffled = random() < 0.3 ? doubled.toReversed() : doubled
  return shuffled.map(part => (random() < 0.2 ? damage(part) : part))
}

/** One to four wounds: flipped bits, other bytes, a cut, a piece doubled, taken out, put in, or the ends swapped. */
function damaged(bytes: Uint8Array, random: Random): Uint8Array {
  let now = Buffer.from(bytes)
  const wounds = 1 + Math.floor(random() * 4)
  for (let wound = 0; wound < wounds; wound++) now = Buffer.from(wounded(now, random))
  return now
}

function wounded(bytes: Buffer, random: Random): Uint8Array {
  const at = Math.floor(random() * (bytes.length + 1))
  const until = Math.min(bytes.length, at + Math.floor(random() * 12))
  const kinds: readonly (() => Uint8Array)[] = [
    () => withByte(bytes, at, (bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8))),
    () => withByte(bytes, at, pick([0, 0xff, 0x7e, 0x20, 0x80, Math.floor(random() * 256)], random) ?? 0),
    () => bytes.subarray(0, at),
    () => bytes.subarray(at),
    () => Buffer.concat([bytes.subarray(0, until), bytes.subarray(at)]),
    () => Buffer.concat([bytes.subarray(0, at), bytes.subarray(until)]),
    () => Buffer.concat([bytes.subarray(0, at), randomBytes(random).subarray(0, 8), bytes.subarray(at)]),
    () => Buffer.concat([bytes, bytes.subarray(0, at)]),
    () => Buffer.concat([bytes.subarray(at), bytes.subarray(0, at)]),
  ]
  return pick(kinds, random)?.() ?? bytes
}

function withByte(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = Uint8Array.from(bytes)
  if (at < copy.length) copy[at] = value
  return copy
}

function randomBytes(random: Random): Buffer {
  return Buffer.from(Array.from({ length: Math.floor(random() * 80) }, () => Math.floor(random() * 256)))
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8')
}

/** What no schema expects, in one place of a JSON value. */
function damagedJson(value: unknown, random: Random): unknown {
  if (random() < 0.15) return pick([null, true, -1, 1e308, '', '\u0000', [], {}, 'x'.repeat(300)], random)
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value
    return items.flatMap(item => (random() < 0.1 ? [] : [random() < 0.4 ? damagedJson(item, random) : item]))
  }
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(() => random() > 0.1)
  return Object.fromEntries(
    entries.map(([key, field]): [string, unknown] => [key, random() < 0.4 ? damagedJson(field, random) : field]),
  )
}

function pick<T>(from: readonly T[], random: Random): T | undefined {
  return from[Math.floor(random() * from.length)]
}
