/**
 * From the bytes of a name to a sensor of one gateway, without making a text of them: open addressing over the
 * FNV-1a hash of the name. Names with other letters than ASCII are not in it; those are found by text.
 */

const offsetBasis = 0x811c9dc5
const prime = 0x01000193

/** Hash of the bytes from `from` to `to`, going on from that of what stands before them. */
export function nameHash(bytes: Uint8Array, from: number, to: number, after: number): number {
  let hash = after
  for (let at = from; at < to; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), prime)
  return hash
}

/** Hash of no bytes. */
export const emptyHash = offsetBasis

/** A name as a message has it: `prefix` and then the bytes from `from` to `to`. */
export interface SaidName {
  readonly prefix: Uint8Array
  readonly bytes: Uint8Array
  readonly from: number
  readonly to: number
}

export class NameTable {
  /** Entry + 1 by slot, 0 where none is. */
  readonly #slots: Uint32Array
  readonly #mask: number
  readonly #sensor: Int32Array
  /** The names behind one another; entry i is from #start[i] to #start[i + 1]. */
  readonly #start: Uint32Array
  readonly #names: Buffer

  constructor(sensors: ReadonlyMap<string, number>) {
    const plain = [...sensors].filter(([name]) => /^[\x20-\x7e]*$/.test(name))
    this.#mask = 2 ** Math.ceil(Math.log2(Math.max(2, plain.length * 2))) - 1
    this.#slots = new Uint32Array(this.#mask + 1)
    this.#sensor = Int32Array.from(plain, ([, sensor]) => sensor)
    this.#names = Buffer.from(plain.map(([name]) => name).join(''), 'latin1')
    this.#start = new Uint32Array(plain.length + 1)
    for (const [entry, [name]] of plain.entries()) {
      const from = this.#start[entry] ?? 0
      const to = from + name.length
      this.#start[entry + 1] = to
      let slot = nameHash(this.#names, from, to, emptyHash) & this.#mask
      while (this.#slots[slot] !== 0) slot = (slot + 1) & this.#mask
      this.#slots[slot] = entry + 1
    }
  }

  /** The sensor of that name, whose hash is `hash`; -1 when there is none. */
  find(hash: number, { prefix, bytes, from, to }: SaidName): number {
    const length = prefix.length + to - from
    for (let slot = hash & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const entry = (this.#slots[slot] ?? 0) - 1
      if (entry < 0) return -1
      const start = this.#start[entry] ?? 0
      if ((this.#start[entry + 1] ?? 0) - start !== length) continue
      if (!this.#isAt(start, prefix, 0, prefix.length)) continue
      if (this.#isAt(start + prefix.length, bytes, from, to)) return this.#sensor[entry] ?? -1
    }
  }

  #isAt(start: number, bytes: Uint8Array, from: number, to: number): boolean {
    for (let at = from; at < to; at++) if (bytes[at] !== this.#names[start + at - from]) return false
    return true
  }
}
