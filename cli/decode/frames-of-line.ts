/**
 * What one line of `forewarn decode` may be: hex, several packets of hex, a text frame, base64, or JSON. A line does
 * not say which, so every way to read it is a candidate, likeliest first.
 */
import type { Frame } from '@forewarn/protocols/frame-decoder'
import { exactJsonOf } from '@forewarn/protocols/json-text'
import { envelopeFrame } from './envelope.ts'

/** What the command line says about every frame. */
export type FrameContext = Pick<Frame, 'topic' | 'kind' | 'precision' | 'defaultTime' | 'receivedAtMs'>

/** Every way to read the line, likeliest first; never empty. `raw` is the line without its end of line. */
export function framesOfLine(raw: Uint8Array, context: FrameContext): Frame[] {
  const text = utf8Of(raw)
  // Not UTF-8: either a frame as it came off a wire, or text in a coding of its own.
  if (text === undefined) return [{ ...context, bytes: raw }]
  return framesOfText(text, context)
}

function framesOfText(text: string, context: FrameContext): Frame[] {
  const fromJson = framesOfJson(text, context)
  if (fromJson.length > 0) return [...fromJson, { ...context, text }]
  const frames: Frame[] = []
  const parts = hexPartsOf(text)
  if (parts !== undefined) frames.push({ ...context, ...(parts.length === 1 ? { bytes: parts[0] } : { parts }) })
  for (const written of [text, unescaped(text), `${text}\r\n`])
    if (!frames.some(frame => frame.text === written)) frames.push({ ...context, text: written })
  const bytes = base64Of(text)
  if (bytes !== undefined) frames.push({ ...context, bytes })
  return frames
}

/** JSON: a row with its frame in it, several packets, a text, or the payload itself. Empty when it is no JSON. */
function framesOfJson(text: string, context: FrameContext): Frame[] {
  if (!/^\s*[[{"]/.test(text)) return []
  const json = exactJsonOf(text)
  if (json === undefined) return []
  if (typeof json === 'string') return [...framesOfText(json, context), { ...context, json }]
  const frames: Frame[] = []
  const parts = Array.isArray(json) ? hexPartsOfArray(json) : undefined
  if (parts !== undefined) frames.push({ ...context, parts })
  const enveloped = envelopeFrame(json, context)
  if (enveloped !== undefined) frames.push(enveloped)
  return [...frames, { ...context, json }]
}

const decoder = new TextDecoder('utf-8', { fatal: true })

function utf8Of(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined // not UTF-8: the caller takes the bytes as they are
  }
}

/** `\r`, `\n` and `\t` as people write them in a line. */
function unescaped(text: string): string {
  return text.replaceAll('\\r', '\r').replaceAll('\\n', '\n').replaceAll('\\t', '\t')
}

/**
 * The packets of a line of hex: one; or several, parted by commas or semicolons, or by blanks between brackets. Bytes
 * of one packet may be parted by blanks, colons or hyphens, and each may begin with 0x.
 */
export function hexPartsOf(text: string): Uint8Array[] | undefined {
  if (!/^[\s[({]*(?:0[xX])?[0-9a-fA-F]/.test(text)) return undefined
  const bracketed = /^\s*[[({](.*)[\])}]\s*$/s.exec(text)?.[1]
  const separator = bracketed === undefined || /[,;]/.test(bracketed) ? /[,;]/ : /\s+/
  const pieces = (bracketed ?? text).split(separator).filter(piece => piece.trim() !== '')
  const packets = pieces.map(bytesOfHex)
  if (packets.some(packet => packet === undefined)) return undefined
  const whole = packets.filter(packet => packet !== undefined)
  if (whole.length === 0) return undefined
  // `[7E 7E 02]` and `0x7E,0x7E,0x02` are the bytes of one packet.
  return whole.length > 1 && whole.every(({ length }) => length === 1) ? [Buffer.concat(whole)] : whole
}

function hexPartsOfArray(array: readonly unknown[]): Uint8Array[] | undefined {
  if (array.length === 0) return undefined
  const packets = array.map(piece => (typeof piece === 'string' ? bytesOfHex(piece) : undefined))
  const whole = packets.filter(packet => packet !== undefined)
  return whole.length === array.length ? whole : undefined
}

/** The bytes of a hex text, parted anywhere between them; undefined when it is none. */
export function bytesOfHex(text: string): Buffer | undefined {
  const bare = text.replace(/["'`]|0[xX](?=[0-9a-fA-F]{2})/g, ' ').trim()
  return /^(?:[0-9a-fA-F]{2}(?:\s+|[:_-](?=[0-9a-fA-F]))?)+$/.test(bare)
    ? Buffer.from(bare.replace(/[^0-9a-fA-F]+/g, ''), 'hex')
    : undefined
}

function base64Of(text: string): Buffer | undefined {
  const code = text.trim()
  return code.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(code) ? Buffer.from(code, 'base64') : undefined
}
