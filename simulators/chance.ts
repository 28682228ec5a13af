/** Chance from a seed: the same seed always tells the same story. */
export interface Chance {
  /** 0 ≤ x < 1. */
  next(): number
  /** Any of them. Throws RangeError when there are none. */
  pick<T>(choices: readonly T[]): T
  /** The same ones in another order. */
  shuffled<T>(items: readonly T[]): T[]
}

/** A stream of chance for one purpose; streams of different purposes do not disturb each other. */
export function chanceOf(seed: number, purpose: string): Chance {
  let state = hash(`${seed}/${purpose}`)
  // mulberry32 (Tommy Ettinger, public domain).
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const pick = <T>(choices: readonly T[]): T => {
    const choice = choices[Math.floor(next() * choices.length)]
    if (choice === undefined) throw new RangeError('nothing to pick from')
    return choice
  }
  const shuffled = <T>(items: readonly T[]): T[] =>
    items
      .map(item => ({ item, order: next() }))
      .sort((a, b) => a.order - b.order)
      .map(({ item }) => item)
  return { next, pick, shuffled }
}

/** −1 ≤ x < 1, always the same for the same name and step: noise that needs no memory. */
export function noise(name: number, step: number): number {
  let mixed = Math.imul(name ^ Math.imul(step | 0, 0x9e3779b1), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 2_147_483_648 - 1
}

/** FNV-1a, 32 bits. */
export function hash(text: string): number {
  let sum = 0x811c9dc5
  for (let at = 0; at < text.length; at++) sum = Math.imul(sum ^ text.charCodeAt(at), 0x01000193)
  return sum >>> 0
}
