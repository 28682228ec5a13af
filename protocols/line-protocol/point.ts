/**
 * A point of InfluxDB line protocol, and the numbers both its reader and its writer need. Times and 64-bit whole
 * numbers are bigint: a double would round them.
 */
export type FieldValue =
  | { readonly type: 'int'; readonly value: bigint }
  | { readonly type: 'uint'; readonly value: bigint }
  | { readonly type: 'float'; readonly value: number }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'string'; readonly value: string }

export interface Pair<T> {
  readonly key: string
  readonly value: T
}

export interface Point {
  readonly name: string
  /** Sorted by key, each key once. */
  readonly tags: readonly Pair<string>[]
  readonly fields: readonly Pair<FieldValue>[]
  /** Nanoseconds since 1970, UTC. */
  readonly timeNs: bigint
}

export const precisions = ['1ns', '1us', '1ms', '1s'] as const
export type Precision = (typeof precisions)[number]

const nanoseconds = { '1ns': 1n, '1us': 1_000n, '1ms': 1_000_000n, '1s': 1_000_000_000n } as const

/** Length of one unit of time, ns. */
export function unitNs(precision: Precision): bigint {
  return nanoseconds[precision]
}

/** A precision as it is written in many places: `1ns`, `ns`, `us`, `µs`, `u`, `ms`, `s`; undefined for no such. */
export function precisionOf(text: string): Precision | undefined {
  const unit = text
    .trim()
    .replace(/^1/, '')
    .replace(/^[µμ]s?$|^u$/, 'us')
    .replace(/^n$/, 'ns')
  return precisions.find(known => known === `1${unit}`)
}

export const int64 = { least: -(2n ** 63n), most: 2n ** 63n - 1n } as const
export const uint64Most = 2n ** 64n - 1n

/** Order of keys: that of their UTF-8 bytes, as the reference has it. */
export function byKey(a: Pair<unknown>, b: Pair<unknown>): number {
  return Buffer.compare(Buffer.from(a.key), Buffer.from(b.key))
}
