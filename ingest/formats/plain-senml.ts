/**
 * SenML packs as most gateways write them, from bytes to columns at once: names that are known, values that can be,
 * clocks that are right, fields bn, bt, bu, n, u, t, v and fwseq. Anything else is left to the long way
 * (readings.ts), which alone says what is wrong; a test holds the two to the same answer.
 */
import type { Publish } from '@forewarn/contracts/intake'
import type { ReadingBatch } from '@forewarn/contracts/reading'
import type { Arrival } from '../judge.ts'
import { emptyHash, type NameTable, nameHash } from '../name-table.ts'
import { ByteScanner } from './byte-scanner.ts'
import { PlainRows } from './plain-rows.ts'

const openArray = 0x5b
const closeArray = 0x5d
const openObject = 0x7b
const closeObject = 0x7d
const comma = 0x2c
const colon = 0x3a
const letter = { b: 0x62, n: 0x6e, t: 0x74, u: 0x75, v: 0x76 } as const

/** RFC 8428 §4.5.3: times below 2^28 s are relative to now. */
const absoluteFromS = 2 ** 28

/** The batch, or undefined for a message that is not plain. Messages are read one after the other, never at once. */
export function plainSenmlReader(): (publish: Publish, arrival: Arrival) => ReadingBatch | undefined {
  const reader = new PlainSenml()
  return ({ payload }, arrival) => {
    const { gateway, release, clocks, gatewayId } = arrival
    if (gateway === undefined || release !== undefined || clocks.isWrong(gatewayId)) return undefined
    return reader.read(payload, { gateway: gateway.index, table: gateway.table(), arrival })
  }
}

interface Sender {
  readonly gateway: number
  readonly table: NameTable
  readonly arrival: Arrival
}

const nothing = Buffer.alloc(0)

class PlainSenml {
  readonly #scan = new ByteScanner()
  readonly #rows = new PlainRows()
  #sequence = -1
  // Base fields hold from their record on.
  #baseName: Uint8Array = nothing
  #baseHash = emptyHash
  #baseTimeS = 0
  #hasBaseTime = false
  #baseUnitStart = 0
  #baseUnitEnd = 0
  // Fields of the record being read; where a text is not there its end is 0.
  #nameStart = 0
  #nameEnd = 0
  #unitStart = 0
  #unitEnd = 0
  #timeS = 0
  #hasTime = false
  #value = 0
  #hasValue = false

  read(payload: Uint8Array, { gateway, table, arrival }: Sender): ReadingBatch | undefined {
    const scan = this.#scan
    scan.start(payload)
    this.#begin(arrival.receivedAtMs)
    const isPlain = this.#records(table, arrival)
    scan.release()
    if (!isPlain) return undefined
    return this.#rows.batch({ gateway, receivedAtMs: arrival.receivedAtMs, sequence: this.#sequence })
  }

  #begin(receivedAtMs: number): void {
    this.#rows.start(receivedAtMs)
    this.#sequence = -1
    this.#baseName = nothing
    this.#baseHash = emptyHash
    this.#baseTimeS = 0
    this.#hasBaseTime = false
    this.#baseUnitEnd = 0
  }

  #records(table: NameTable, arrival: Arrival): boolean {
    const scan = this.#scan
    if (!scan.skip(openArray)) return false
    do {
      if (!this.#record() || !this.#keep(table, arrival)) return false
    } while (scan.skip(comma))
    return scan.skip(closeArray) && scan.isAtEnd()
  }

  #record(): boolean {
    const scan = this.#scan
    if (!scan.skip(openObject)) return false
    this.#nameEnd = 0
    this.#unitEnd = 0
    this.#hasTime = false
    this.#hasValue = false
    do {
      if (!scan.text()) return false
      const { textStart, textEnd } = scan
      if (!scan.skip(colon) || !this.#field(textStart, textEnd)) return false
    } while (scan.skip(comma))
    return scan.skip(closeObject) && !scan.failed
  }

  #field(start: number, end: number): boolean {
    const { bytes } = this.#scan
    const first = bytes[start] ?? 0
    if (end - start === 1) return this.#ownField(first)
    if (end - start === 2 && first === letter.b) return this.#baseField(bytes[start + 1] ?? 0)
    return end - start === 5 && bytes.toString('latin1', start, end) === 'fwseq' && this.#sequenceField()
  }

  #ownField(name: number): boolean {
    const scan = this.#scan
    if (name === letter.v) {
      // A base value of nought is added on the long way, and -0 + 0 is 0.
      this.#value = scan.number() + 0
      this.#hasValue = true
      return !scan.failed
    }
    if (name === letter.n) {
      if (!scan.text()) return false
      this.#nameStart = scan.textStart
      this.#nameEnd = scan.textEnd
      return true
    }
    if (name === letter.t) {
      this.#timeS = scan.number()
      this.#hasTime = true
      return !scan.failed
    }
    if (name !== letter.u || !scan.text()) return false
    this.#unitStart = scan.textStart
    this.#unitEnd = scan.textEnd
    return true
  }

  #baseField(name: number): boolean {
    const scan = this.#scan
    if (name === letter.t) {
      this.#baseTimeS = scan.number()
      this.#hasBaseTime = true
      return !scan.failed
    }
    if ((name !== letter.n && name !== letter.u) || !scan.text()) return false
    const { bytes, textStart, textEnd } = scan
    if (name === letter.u) {
      this.#baseUnitStart = textStart
      this.#baseUnitEnd = textEnd
    } else {
      this.#baseName = bytes.subarray(textStart, textEnd)
      this.#baseHash = nameHash(bytes, textStart, textEnd, emptyHash)
    }
    return true
  }

  /** The number of the batch stands in the first record; elsewhere it means nothing. */
  #sequenceField(): boolean {
    const sequence = this.#scan.number()
    if (this.#rows.rows === 0) this.#sequence = Number.isSafeInteger(sequence) ? sequence : -1
    return !this.#scan.failed
  }

  /** Keeps the record as a reading; false when it is none, or not surely one. */
  #keep(table: NameTable, { names, receivedAtMs }: Arrival): boolean {
    if (!this.#hasValue) return false
    const { bytes } = this.#scan
    const from = this.#nameStart
    const to = this.#nameEnd === 0 ? from : this.#nameEnd
    const hash = nameHash(bytes, from, to, this.#baseHash)
    const sensor = table.find(hash, { prefix: this.#baseName, bytes, from, to })
    const facts = sensor < 0 ? undefined : names.facts[sensor]
    if (facts === undefined || !(this.#value >= facts.min && this.#value <= facts.max)) return false
    return this.#isUnit(facts.unit) && this.#rows.add(sensor, this.#timeMs(receivedAtMs), this.#value)
  }

  #timeMs(receivedAtMs: number): number {
    if (!this.#hasBaseTime && !this.#hasTime) return receivedAtMs
    const seconds = this.#baseTimeS + (this.#hasTime ? this.#timeS : 0)
    // The same sum as in contracts/senml.ts, to the last bit.
    return Math.round(seconds < absoluteFromS ? receivedAtMs + seconds * 1000 : seconds * 1000)
  }

  /** Says the unit of the quantity, in its own letters, or none at all. */
  #isUnit(unit: string): boolean {
    const start = this.#unitEnd > 0 ? this.#unitStart : this.#baseUnitStart
    const end = this.#unitEnd > 0 ? this.#unitEnd : this.#baseUnitEnd
    if (end === 0) return true
    if (end - start !== unit.length) return false
    const { bytes } = this.#scan
    for (let at = start; at < end; at++) if (bytes[at] !== unit.charCodeAt(at - start)) return false
    return true
  }
}
