/**
 * JSON straight from the bytes of a message, without an object for anything in it: for the plain messages that most
 * gateways send. Whatever is not plain (escapes, other letters than ASCII, nesting) ends the scan, and the whole
 * message is read by JSON.parse instead: this file never decides that a message is wrong.
 */

const quote = 0x22
const minus = 0x2d
const dot = 0x2e
const zero = 0x30
const nine = 0x39
const backslash = 0x5c

/** Beyond it a sum of digits is no longer exact. */
const exactBelow = Math.floor(Number.MAX_SAFE_INTEGER / 10)
/** Powers of ten that are exact as a double: so is the rounding of an exact number divided by one. */
const powers = Float64Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`))

export class ByteScanner {
  bytes: Buffer = Buffer.alloc(0)
  /** Where the scan stands. */
  at = 0
  /** Set once something was not plain. */
  failed = false
  /** Of the last text: its first byte and the one behind its last. */
  textStart = 0
  textEnd = 0

  start(payload: Uint8Array): void {
    this.bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
    this.at = 0
    this.failed = false
  }

  /** Lets go of the message. */
  release(): void {
    this.bytes = noBytes
  }

  fail(): false {
    this.failed = true
    return false
  }

  /** Passes over this character if it is the next one, and over spaces before it. */
  skip(character: number): boolean {
    const { bytes } = this
    let { at } = this
    while (bytes[at] === 0x20) at++
    if (bytes[at] !== character) {
      this.at = at
      return false
    }
    this.at = at + 1
    return true
  }

  /** Nothing but white space follows. */
  isAtEnd(): boolean {
    const { bytes } = this
    for (let at = this.at; at < bytes.length; at++) {
      const byte = bytes[at]
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return false
    }
    return true
  }

  /** A text of plain characters; where it lies is in `textStart` and `textEnd`. */
  text(): boolean {
    if (!this.skip(quote)) return this.fail()
    const { bytes } = this
    const start = this.at
    for (let at = start; at < bytes.length; at++) {
      const byte = bytes[at] ?? 0
      if (byte === quote) {
        this.textStart = start
        this.textEnd = at
        this.at = at + 1
        return true
      }
      if (byte < 0x20 || byte >= 0x80 || byte === backslash) return this.fail()
    }
    return this.fail()
  }

  /** The last text as a string. */
  textString(): string {
    return this.bytes.toString('latin1', this.textStart, this.textEnd)
  }

  /** A number, rounded as JSON.parse rounds it; NaN, and `failed`, when none stands here. */
  number(): number {
    const { bytes } = this
    let { at } = this
    while (bytes[at] === 0x20) at++
    const start = at
    const isNegative = bytes[at] === minus
    if (isNegative) at++
    const first = bytes[at] ?? 0
    if (first < zero || first > nine) return this.#notNumber()
    let sum = first - zero
    at++
    let byte = bytes[at] ?? 0
    // RFC 8259 §6: no digit may follow a zero in front.
    if (first === zero && byte >= zero && byte <= nine) return this.#notNumber()
    for (; byte >= zero && byte <= nine; byte = bytes[++at] ?? 0) {
      if (sum >= exactBelow) return this.#anyNumber(start)
      sum = sum * 10 + (byte - zero)
    }
    let decimals = 0
    if (byte === dot) {
      byte = bytes[++at] ?? 0
      if (byte < zero || byte > nine) return this.#notNumber()
      for (; byte >= zero && byte <= nine; byte = bytes[++at] ?? 0) {
        if (sum >= exactBelow || decimals === 22) return this.#anyNumber(start)
        sum = sum * 10 + (byte - zero)
        decimals++
      }
    }
    // An exponent: e or E.
    if ((byte | 0x20) === 0x65) return this.#anyNumber(start)
    this.at = at
    const value = decimals === 0 ? sum : sum / (powers[decimals] ?? 1)
    return isNegative ? -value : value
  }

  #notNumber(): number {
    this.failed = true
    return Number.NaN
  }

  /** Long numbers and those with an exponent: by the language's own reader, once they are seen to be JSON. */
  #anyNumber(start: number): number {
    const found = jsonNumber.exec(this.bytes.toString('latin1', start, start + 64))
    if (found === null || found[0].length === 64) return this.#notNumber()
    this.at = start + found[0].length
    return Number(found[0])
  }
}

const noBytes = Buffer.alloc(0)
const jsonNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/
