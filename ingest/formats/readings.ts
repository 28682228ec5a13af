/**
 * `…/readings`: SenML (RFC 8428), JSON or CBOR, told apart by the first byte.
 */
import type { Publish } from '@forewarn/contracts/intake'
import { parseSenml } from '@forewarn/contracts/senml'
import { parseSenmlCbor } from '@forewarn/protocols/senml/cbor-pack'
import { type Arrival, type Aside, judgePack } from '../judge.ts'
import { refused, type Said } from './format.ts'
import { plainSenmlReader } from './plain-senml.ts'

const plain = plainSenmlReader()
const noAsides: readonly Aside[] = []

/** Reads a SenML pack. */
export function readReadings(publish: Publish, arrival: Arrival): Said {
  const batch = plain(publish, arrival)
  return batch === undefined ? readAnyReadings(publish, arrival) : { kind: 'readings', batch, asides: noAsides }
}

/** The same for every pack there is, and slower. */
export function readAnyReadings({ payload, receivedAtMs }: Publish, arrival: Arrival): Said {
  const isCbor = isCborArray(payload[0])
  const pack = isCbor ? parseSenmlCbor(payload, receivedAtMs) : parseSenml(payload, receivedAtMs)
  if (pack === 'not-senml') return refused('not-senml', 'the payload is no SenML pack, JSON or CBOR (RFC 8428)')
  const excerpt = isCbor ? undefined : (places: ReadonlySet<number>) => excerptOf(payload, places)
  return { kind: 'readings', ...judgePack(pack, arrival), excerpt }
}

/** CBOR major type 4 (RFC 8949 §3.1). JSON's `[` is 0x5b, which as CBOR would begin a byte string. */
function isCborArray(first: number | undefined): boolean {
  return first !== undefined && first >= 0x80 && first <= 0x9f
}

/** Of the other records only the base fields, which those after them need: every record keeps its place. */
function excerptOf(payload: Uint8Array, places: ReadonlySet<number>): Uint8Array {
  const entries: unknown = JSON.parse(Buffer.from(payload).toString())
  if (!Array.isArray(entries)) return payload
  return Buffer.from(JSON.stringify(entries.map((entry, place) => (places.has(place) ? entry : baseOf(entry)))))
}

function baseOf(entry: object): object {
  return Object.fromEntries(Object.entries(entry).filter(([key]) => key.startsWith('b')))
}
