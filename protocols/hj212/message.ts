/**
 * What a packet of HJ 212 says: its fields, its parameters, and the factors with what was measured of each. And the
 * answers that the standard wants back (9011–9014).
 */
import { deviceTimeOf } from '../beijing-time.ts'
import { type Hj212Dialect, writeHj212 } from './frame.ts'

/** In the fields of the vectors: QN, ST, CN … as they came, then the parameters between && and &&. */
export interface Hj212Message {
  readonly QN?: string
  readonly ST?: string
  readonly CN?: string
  readonly PW?: string
  readonly MN?: string
  readonly Flag?: string
  readonly PNUM?: string
  readonly PNO?: string
  readonly [field: string]: string | Readonly<Record<string, unknown>> | undefined
  /** Parameters that belong to no factor: DataTime, RtdInterval. */
  readonly CP: Readonly<Record<string, string>>
  /** By factor code, then by what was measured: `factors.a34004.Rtd`. */
  readonly factors: Readonly<Record<string, Readonly<Record<string, string>>>>
}

/** Reads the data of a packet. Pieces without `=` are passed over; of a key that comes twice the last counts. */
export function readHj212Message(text: string): Hj212Message {
  const [head, parameters] = splitAtParameters(text)
  const fields = new Map<string, string>()
  for (const [key, value] of pairs(head)) fields.set(key, value)
  const alone = new Map<string, string>()
  const factors = new Map<string, Map<string, string>>()
  for (const [key, value] of pairs(parameters)) {
    const dash = key.indexOf('-')
    if (dash <= 0) {
      alone.set(key, value)
      continue
    }
    const factor = key.slice(0, dash)
    const items = factors.get(factor) ?? new Map<string, string>()
    factors.set(factor, items.set(key.slice(dash + 1), value))
  }
  const measured = [...factors].map(([factor, items]) => [factor, Object.fromEntries(items)] as const)
  fields.delete('CP')
  fields.delete('factors')
  return { ...Object.fromEntries(fields), CP: Object.fromEntries(alone), factors: Object.fromEntries(measured) }
}

/** Fields before `CP=&&`, and what stands between that and the last `&&`. */
function splitAtParameters(text: string): [string, string] {
  const at = text.indexOf('CP=')
  if (at === -1) return [text, '']
  const behind = text.slice(at + 3).replace(/^&&/, '')
  const end = behind.lastIndexOf('&&')
  return [text.slice(0, at), end === -1 ? behind : behind.slice(0, end)]
}

/** `;` parts groups and `,` the items of one; some devices confuse them, and the meaning is the same. */
function* pairs(text: string): Generator<[string, string]> {
  for (const piece of text.split(/[;,]/)) {
    const at = piece.indexOf('=')
    if (at > 0) yield [piece.slice(0, at), piece.slice(at + 1)]
  }
}

/** The bits of Flag: edition in the upper six, then "in several packets", then "answer wanted". */
export interface Hj212Flag {
  readonly edition: number
  readonly split: boolean
  readonly answerWanted: boolean
}

/** Reads Flag; an absent one (2005) wants no answer. */
export function readFlag(flag: string | undefined): Hj212Flag {
  const bits = /^\d{1,3}$/.test(flag ?? '') ? Number(flag) : 0
  return { edition: bits >> 2, split: (bits & 2) !== 0, answerWanted: (bits & 1) !== 0 }
}

/** Flags that a value may carry; only N and S are measurements to act on. */
export const dataFlags = {
  N: 'good',
  S: 'good',
  F: 'fault',
  M: 'maintenance',
  D: 'fault',
  C: 'maintenance',
  T: 'suspect',
  B: 'missing',
} as const

/** Quality of a value by its flag; one without a flag is good, one with an unknown flag is suspect. */
export function qualityOfFlag(flag: string | undefined): 'good' | 'suspect' | 'missing' | 'maintenance' | 'fault' {
  if (flag === undefined || flag === '') return 'good'
  const known = flag.toUpperCase()
  return isDataFlag(known) ? dataFlags[known] : 'suspect'
}

function isDataFlag(flag: string): flag is keyof typeof dataFlags {
  return Object.hasOwn(dataFlags, flag)
}

/** One packet's numbers among those of its message; undefined when it stands alone. */
export function packetNumber({ PNUM, PNO }: Hj212Message): { packets: number; packetNo: number } | undefined {
  const [packets, packetNo] = [Number(PNUM), Number(PNO)]
  return Number.isInteger(packets) && Number.isInteger(packetNo) && packets > 1 ? { packets, packetNo } : undefined
}

/** The packets of one message as one: fields of the first, parameters and factors of all. */
export function mergeHj212(messages: readonly Hj212Message[]): Hj212Message | undefined {
  const ordered = messages.toSorted((a, b) => (packetNumber(a)?.packetNo ?? 0) - (packetNumber(b)?.packetNo ?? 0))
  const [first] = ordered
  if (first === undefined) return undefined
  const factors = new Map<string, Record<string, string>>()
  for (const message of ordered) {
    for (const [factor, items] of Object.entries(message.factors)) {
      factors.set(factor, { ...factors.get(factor), ...items })
    }
  }
  const parameters = ordered.flatMap(({ CP }) => Object.entries(CP))
  return { ...first, CP: Object.fromEntries(parameters), factors: Object.fromEntries(factors) }
}

/** Device time of a message: DataTime, else QN, Beijing time. */
export function hj212Time({ CP, QN }: Hj212Message) {
  for (const text of [CP['DataTime'], QN]) {
    // 14 digits to the second; QN has three more of milliseconds, and some devices write them into DataTime too.
    const time = text === undefined || text.length < 14 ? undefined : deviceTimeOf(text.slice(0, 14))
    if (time !== undefined) return time
  }
  return undefined
}

/** What the other side needs to know of a request it made: 9011 taken or not, 9012 done or not. */
export type Hj212Answer =
  | { readonly cn: '9011'; readonly qnRtn: 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 100 }
  | { readonly cn: '9012'; readonly exeRtn: 1 | 2 | 3 | 4 | 5 | 100 }
  /** Notice answer and data answer carry nothing more. */
  | { readonly cn: '9013' | '9014' }

/** The answer to a message: same QN, PW and MN; ST 91 (system). */
export function answerHj212(message: Hj212Message, answer: Hj212Answer, dialect: Hj212Dialect): Uint8Array {
  const { QN = '', PW = '', MN = '', Flag } = message
  // Same edition, one packet, and no answer to the answer.
  const flag = readFlag(Flag).edition << 2
  return writeHj212(
    `QN=${QN};ST=91;CN=${answer.cn};PW=${PW};MN=${MN};Flag=${flag};CP=&&${parametersOf(answer)}&&`,
    dialect,
  )
}

function parametersOf(answer: Hj212Answer): string {
  if (answer.cn === '9011') return `QnRtn=${answer.qnRtn}`
  return answer.cn === '9012' ? `ExeRtn=${answer.exeRtn}` : ''
}
