/**
 * Messages of SL 651-2014 that come in several packets (mode M3, behind SYN): which packets are missing, and the whole
 * text once all are there.
 */
import { createHash } from 'node:crypto'
import { hexOf } from '../hex.ts'
import type { BadBody } from './elements-of-body.ts'
import type { Sl651Frame } from './frame.ts'
import { readMessage, type Sl651Message } from './message.ts'

/** Numbers of the packets that are not there yet, from 1. */
export function missingPackets(frames: readonly Sl651Frame[]): number[] {
  const total = frames[0]?.packets ?? 0
  const there = new Set(frames.map(({ packetNo }) => packetNo))
  return Array.from({ length: total }, (_, index) => index + 1).filter(number => !there.has(number))
}

/** What does not belong together among packets of one message; undefined when all is well. */
export function strangerAmong(frames: readonly Sl651Frame[]): string | undefined {
  const [first] = frames
  if (first === undefined) return 'there are no packets'
  for (const { packets, packetNo, station, func } of frames) {
    if (packets === undefined || packetNo === undefined) return 'one of the frames is no packet (STX instead of SYN)'
    if (packets !== first.packets) return `one packet is of ${packets}, another of ${first.packets}`
    if (packetNo < 1 || packetNo > packets) return `packet ${packetNo} of ${packets}`
    if (station !== first.station || func !== first.func) return 'packets of different stations or functions'
  }
  return undefined
}

/** The packets in order, each once. */
export function inOrder(frames: readonly Sl651Frame[]): Sl651Frame[] {
  const byNumber = new Map(frames.map(frame => [frame.packetNo ?? 0, frame]))
  return [...byNumber.values()].toSorted((a, b) => (a.packetNo ?? 0) - (b.packetNo ?? 0))
}

/** The message of a complete set of packets: first packet's header, all packets' text. */
export function joinPackets(frames: readonly Sl651Frame[]): Sl651Frame | undefined {
  const ordered = inOrder(frames)
  const [first] = ordered
  if (first === undefined) return undefined
  return { ...first, body: Uint8Array.from(Buffer.concat(ordered.map(({ body }) => body))) }
}

/** A message in packets as the vectors show it. */
export interface PacketsRecord {
  readonly mode: 'M3 SYN/ETB'
  readonly packets: number
  readonly packetNos: readonly number[]
  readonly allCrcOk: true
  readonly allLengthOk: true
  /** What the first packet says by itself. */
  readonly first: Sl651Message
  /** What all say together, when it is no picture. */
  readonly message?: Sl651Message
  readonly imageBytes?: number
  readonly imageSha256?: string
  readonly imageHead?: string
  readonly imageTail?: string
}

/** Reads a complete set of packets, in any order and some of them twice. */
export function readPackets(frames: readonly Sl651Frame[]): PacketsRecord | BadBody {
  const ordered = inOrder(frames)
  const [first] = ordered
  const joined = joinPackets(ordered)
  if (first === undefined || joined === undefined) return { detail: 'there are no packets' }
  const whole = readMessage(joined)
  if ('detail' in whole) return whole
  // By itself the first packet may be cut within an element: then only its header is shown.
  const alone = readMessage(first)
  return {
    mode: 'M3 SYN/ETB',
    packets: first.packets ?? 0,
    packetNos: ordered.map(({ packetNo = 0 }) => packetNo),
    allCrcOk: true,
    allLengthOk: true,
    first: 'detail' in alone ? { ...whole.message, elements: [] } : alone.message,
    ...(whole.picture === undefined ? { message: whole.message } : imageFacts(whole.picture)),
  }
}

function imageFacts(image: Uint8Array) {
  return {
    imageBytes: image.length,
    imageSha256: createHash('sha256').update(image).digest('hex'),
    imageHead: hexOf(image.subarray(0, 4)).toLowerCase(),
    imageTail: hexOf(image.subarray(-4)).toLowerCase(),
  }
}
