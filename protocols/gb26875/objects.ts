/**
 * The application data of GB/T 26875.3-2011: a type, a count and that many objects, field by field as the standard's
 * tables have them (§8.3). Types from 128 on belong to makers and are kept as bytes.
 */
import { timeText } from './frame.ts'

export interface FireObject {
  readonly sysType?: number
  readonly sysAddr?: number
  readonly partType?: number
  readonly partAddr?: number
  /** See `stateNames`; of a system or part 16 bits, of a transmitter 8. */
  readonly stateBits?: readonly number[]
  readonly opBits?: readonly number[]
  readonly operator?: number
  readonly analogType?: number
  /** In steps of the kind, see `analogKinds`. */
  readonly analogRaw?: number
  /** A part's or system's description. */
  readonly text?: string
  readonly version?: string
  /** Local time without a zone. */
  readonly time?: string
  /** Of a question for records: how many, from when on. */
  readonly recordCount?: number
  readonly fromTime?: string
  /** Of the question whether the duty officer is at his post: minutes to answer. */
  readonly timeoutMin?: number
  readonly hex?: string
}

export interface FireUnit {
  readonly type: number
  readonly count: number
  readonly objects: readonly FireObject[]
}

/** Meaning of the state bits of systems and parts, by bit. */
export const stateNames = [
  'normal',
  'fire',
  'fault',
  'shielded',
  'supervised',
  'started',
  'feedback',
  'delayed',
  'mains-fault',
  'battery-fault',
  'bus-fault',
  'manual',
  'configuration-changed',
  'reset',
] as const

/** Of a transmitter itself (type 21). */
export const transmitterStateNames = [
  'normal',
  'fire',
  'fault',
  'mains-fault',
  'battery-fault',
  'centre-line-fault',
  'detector-line-fault',
] as const

/** Kinds of analogue values: UCUM unit and the size of one step. */
export const analogKinds: Readonly<
  Record<number, { readonly name: string; readonly unit: string; readonly step: number }>
> = {
  1: { name: 'events', unit: '{count}', step: 1 },
  2: { name: 'height', unit: 'm', step: 0.01 },
  3: { name: 'temperature', unit: 'Cel', step: 0.1 },
  4: { name: 'pressure', unit: 'MPa', step: 0.1 },
  5: { name: 'pressure', unit: 'kPa', step: 0.1 },
  6: { name: 'gas-concentration', unit: '%{LEL}', step: 0.1 },
  7: { name: 'time', unit: 's', step: 1 },
  8: { name: 'voltage', unit: 'V', step: 0.1 },
  9: { name: 'current', unit: 'A', step: 0.1 },
  10: { name: 'flow', unit: 'L/s', step: 0.1 },
  11: { name: 'air-flow', unit: 'm3/min', step: 0.1 },
  12: { name: 'wind-speed', unit: 'm/s', step: 1 },
}

/** A value in the unit of its kind; undefined for a kind that the standard does not name. */
export function analogValue({ analogType, analogRaw }: FireObject): { value: number; unit: string } | undefined {
  const kind = analogType === undefined ? undefined : analogKinds[analogType]
  if (kind === undefined || analogRaw === undefined) return undefined
  // In whole steps first: 0.1 times 217 is not 21.7.
  return { value: analogRaw / Math.round(1 / kind.step), unit: kind.unit }
}

/** One field of an object, taken from the front of what is left. */
type Field = (from: Cursor) => FireObject

const system: Field = from => ({ sysType: from.u8(), sysAddr: from.u8() })
const part: Field = from => ({ partType: from.u8(), partAddr: from.u32() })
const state16: Field = from => ({ stateBits: from.bits(2) })
const operation: Field = from => ({ opBits: from.bits(1), operator: from.u8() })
const analog: Field = from => ({ analogType: from.u8(), analogRaw: from.i16() })
const description: Field = from => ({ text: from.text(31) })
const longText: Field = from => ({ text: from.text(from.u8()) })
const version: Field = from => ({ version: `${from.u8()}.${from.u8()}` })
const time: Field = from => ({ time: from.time() })
const records: Field = from => ({ recordCount: from.u8(), fromTime: from.time() })
const reserved: Field = from => ({ hex: from.hex(1) })

/** Upwards 1–28, downwards 61–91. */
const layouts: Readonly<Record<number, readonly Field[]>> = {
  1: [system, state16, time],
  2: [system, part, state16, description, time],
  3: [system, part, analog, time],
  4: [system, operation, time],
  5: [system, version],
  6: [system, longText],
  7: [system, part, description],
  8: [system, time],
  21: [from => ({ stateBits: from.bits(1) }), time],
  24: [operation, time],
  25: [version],
  26: [longText],
  28: [time],
  61: [system],
  62: [system, part],
  63: [system, part],
  64: [system, records],
  65: [system],
  66: [system],
  67: [system, part],
  68: [system],
  81: [reserved],
  84: [records],
  85: [reserved],
  86: [reserved],
  88: [reserved],
  89: [reserved],
  90: [time],
  91: [from => ({ timeoutMin: from.u8() })],
}

/** Reads application data; undefined when the objects are not as many or as long as they must be. */
export function readUnit(data: Uint8Array): FireUnit | undefined {
  const [type, count] = data
  if (type === undefined || count === undefined) return undefined
  const rest = data.subarray(2)
  const layout = layouts[type]
  if (layout === undefined) {
    const hex = Buffer.from(rest).toString('hex').toUpperCase()
    return { type, count, objects: rest.length === 0 ? [] : [{ hex }] }
  }
  const from = new Cursor(rest)
  const objects: FireObject[] = []
  while (objects.length < count && !from.ranOut) objects.push(Object.assign({}, ...layout.map(field => field(from))))
  return from.isAtEnd ? { type, count, objects } : undefined
}

const gb18030 = new TextDecoder('gb18030')

/** Takes bytes from the front; past the end it gives zeros and remembers that it ran out. */
class Cursor {
  #bytes: Buffer
  #at = 0
  ranOut = false

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get isAtEnd(): boolean {
    return !this.ranOut && this.#at === this.#bytes.length
  }

  #take(length: number): Buffer {
    const taken = this.#bytes.subarray(this.#at, this.#at + length)
    this.#at += length
    if (taken.length === length) return taken
    this.ranOut = true
    return Buffer.alloc(length)
  }

  u8(): number {
    return this.#take(1).readUInt8()
  }

  u32(): number {
    return this.#take(4).readUInt32LE()
  }

  i16(): number {
    return this.#take(2).readInt16LE()
  }

  /** The numbers of the bits that are set. */
  bits(bytes: 1 | 2): number[] {
    const word = this.#take(bytes).readUIntLE(0, bytes)
    return Array.from({ length: bytes * 8 }, (_, bit) => bit).filter(bit => ((word >> bit) & 1) === 1)
  }

  time(): string {
    return timeText(this.#take(6))
  }

  text(length: number): string {
    return gb18030.decode(this.#take(length)).replace(/\0+$/, '')
  }

  hex(length: number): string {
    return this.#take(length).toString('hex').toUpperCase()
  }
}
