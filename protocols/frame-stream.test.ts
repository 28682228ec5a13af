import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FrameStream, type StreamItem } from './frame-stream.ts'
import { openHj212Stream } from './hj212/stream.ts'
import { openSl651Stream } from './sl651/stream.ts'
import { openSzy206Stream } from './szy206/stream.ts'
import { frameOf, vectorRows } from './vectors/check-vectors.ts'

interface Protocol {
  readonly name: string
  readonly open: () => FrameStream<unknown>
  readonly frames: readonly Uint8Array[]
  /** A byte that begins no frame of the protocol. */
  readonly quietByte: number
}

const protocols: readonly Protocol[] = [
  { name: 'sl651', open: openSl651Stream, frames: wholeFrames('sl651'), quietByte: 0x55 },
  { name: 'szy206', open: openSzy206Stream, frames: wholeFrames('szy206'), quietByte: 0x55 },
  { name: 'hj212', open: openHj212Stream, frames: wholeFrames('hj212'), quietByte: 0x20 },
]

/** The published frames that are right by themselves. */
function wholeFrames(file: string): Uint8Array[] {
  const rows = vectorRows(file).filter(
    ({ id, expect: verdict }) => verdict.startsWith('accept') && !/03[5-8]$/.test(id),
  )
  return rows.flatMap(row => {
    const { bytes, text, parts } = frameOf(row)
    return bytes === undefined ? (parts ?? [Buffer.from(text ?? '')]) : [bytes]
  })
}

function cut(bytes: Uint8Array, at: readonly number[]): Uint8Array[] {
  const places = [0, ...at.map(place => place % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b)
  return places.slice(1).map((until, index) => bytes.subarray(places[index], until))
}

function framesOf(items: readonly StreamItem<unknown>[]): string[] {
  return items.filter(({ kind }) => kind === 'frame').map(({ bytes }) => Buffer.from(bytes).toString('hex'))
}

describe.each(protocols)('$name', ({ open, frames, quietByte }) => {
  const someFrames = fc.array(fc.constantFrom(...frames), { minLength: 1, maxLength: 6 })
  const noise = fc.nat({ max: 9 }).map(length => new Uint8Array(length).fill(quietByte))
  const cuts = fc.array(fc.nat(), { maxLength: 12 })

  test('frames come out whole and in order, however the stream is cut and what noise stands between them', () => {
    fc.assert(
      fc.property(someFrames, noise, cuts, (sent, between, places) => {
        const stream = open()
        const bytes = Buffer.concat(sent.flatMap(frame => [between, frame]))
        const items = cut(bytes, places).flatMap(piece => stream.push(piece))
        expect(framesOf(items)).toEqual(sent.map(frame => Buffer.from(frame).toString('hex')))
        expect(Buffer.concat(items.map(item => item.bytes))).toEqual(bytes)
        expect(stream.waitingBytes).toBe(0)
      }),
    )
  })

  test('a frame behind one that was cut short is not lost', () => {
    fc.assert(
      fc.property(fc.constantFrom(...frames), fc.constantFrom(...frames), fc.nat(), (damaged, whole, at) => {
        const stream = open()
        const begun = damaged.subarray(0, 1 + (at % (damaged.length - 1)))
        const items = [...stream.push(begun), ...stream.push(whole), ...stream.giveUp()]
        expect(framesOf(items)).toContain(Buffer.from(whole).toString('hex'))
      }),
    )
  })

  test('no bytes are lost or made up, whatever they are', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 8 }), pieces => {
        const stream = open()
        const items = [...pieces.flatMap(piece => stream.push(piece)), ...stream.giveUp()]
        expect(Buffer.concat(items.map(item => item.bytes))).toEqual(Buffer.concat(pieces))
        expect(stream.waitingBytes).toBe(0)
      }),
    )
  })
})

test('a stray 7E behind a checksum and a frame with another damaged by the line do not hide the next one', () => {
  const [whole = new Uint8Array()] = protocols[0]?.frames ?? []
  const damaged = Uint8Array.from(whole).fill(0xff, 20, 22)
  const stream = openSl651Stream()
  const items = stream.push(Buffer.concat([whole, Uint8Array.of(0x7e), damaged, whole]))
  expect(items.map(({ kind }) => kind)).toEqual(['frame', 'junk', 'frame'])
  const [, junk] = items
  expect(junk?.bytes).toHaveLength(1 + damaged.length)
})

test('a length that is damaged to be longer does not hold back the frame behind it', () => {
  const [whole = new Uint8Array()] = protocols[0]?.frames ?? []
  const longer = Uint8Array.from(whole)
  longer[11] = 0x0f
  const stream = openSl651Stream()
  const items = stream.push(Buffer.concat([longer, whole]))
  expect(framesOf(items)).toEqual([Buffer.from(whole).toString('hex')])
})
