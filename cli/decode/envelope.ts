/**
 * A frame in a JSON object: `hex`, `hexList`, `text`, `base64` or `json`, with what the format needs beside it. A row
 * of the files in protocols/vectors is such an object.
 */
import type { Frame } from '@forewarn/protocols/frame-decoder'
import { z } from 'zod'

const Time = z.union([z.string(), z.number()]).transform(String)

const Envelope = z.object({
  hex: z.string().optional(),
  hexList: z.array(z.string()).min(1).optional(),
  text: z.string().optional(),
  base64: z.string().optional(),
  json: z.unknown().optional(),
  topic: z.string().optional(),
  name: z.string().optional(),
  kind: z.string().optional(),
  element: z.string().optional(),
  precision: z.string().optional(),
  defaultTime: Time.optional(),
  receivedAtMs: z.number().optional(),
})

type Surroundings = Pick<Frame, 'topic' | 'kind' | 'precision' | 'defaultTime' | 'receivedAtMs'>

/** The frame of an envelope; undefined when it is none. What it says goes before what the command line said. */
export function envelopeFrame(json: unknown, context: Surroundings): Frame | undefined {
  const parsed = Envelope.safeParse(json)
  if (!parsed.success) return undefined
  const { topic, precision, defaultTime, receivedAtMs } = parsed.data
  const carried = carriedBy(parsed.data)
  if (carried === undefined) return undefined
  const kind = parsed.data.kind ?? parsed.data.name ?? parsed.data.element
  return {
    ...context,
    ...(topic === undefined ? {} : { topic }),
    ...(kind === undefined ? {} : { kind }),
    ...(precision === undefined ? {} : { precision }),
    ...(defaultTime === undefined ? {} : { defaultTime }),
    ...(receivedAtMs === undefined ? {} : { receivedAtMs }),
    ...carried,
  }
}

function carriedBy(envelope: z.infer<typeof Envelope>): Pick<Frame, 'bytes' | 'parts' | 'text' | 'json'> | undefined {
  const { hex, hexList, text, base64 } = envelope
  if (hex !== undefined) return bytesOr(hex)
  if (hexList !== undefined) return { parts: hexList.map(part => Buffer.from(part.replace(/\s+|0[xX]/g, ''), 'hex')) }
  if (text !== undefined) return { text }
  if (base64 !== undefined) return { bytes: Buffer.from(base64, 'base64') }
  return 'json' in envelope ? { json: envelope.json } : undefined
}

/** Hex that is none goes on as the text it is, so that the decoder says what it thinks of it. */
function bytesOr(hex: string): Pick<Frame, 'bytes' | 'text'> {
  const digits = hex.replace(/\s+|0[xX]/g, '')
  const isHex = digits.length % 2 === 0 && /^[0-9a-fA-F]*$/.test(digits)
  return isHex ? { bytes: Buffer.from(digits, 'hex') } : { text: hex }
}
