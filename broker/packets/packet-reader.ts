/**
 * Follows the packets in a stream of bytes, however it is cut, and judges each by its first bytes (MQTT 3.1.1 §2.2).
 */
import { type Breach, bodyBreach, firstByteBreach, judgedBytes, type PacketLimits, packetTypes } from './packet-laws.ts'

export interface Found {
  readonly breach: Breach
  /** What the packet says of its length. */
  readonly declaredBytes: number
}

const nothing = Buffer.alloc(0)

/** The name of the protocol in MQTT 3.1; 3.1.1 has a shorter one. */
const oldName = 'MQIsdp'
const mayRepeat: ReadonlySet<number> = new Set([packetTypes.pubrel, packetTypes.subscribe, packetTypes.unsubscribe])
const repeatFlag = 0x08

/** MQTT 3.1 marks repeats of these too; 3.1.1 calls the same bit reserved, and so does the parser behind us. */
function withoutRepeatFlag(chunk: Buffer, at: number): number {
  const first = chunk[at] ?? 0
  if (mayRepeat.has(first >> 4)) chunk[at] = first & ~repeatFlag
  return chunk[at] ?? 0
}

export class PacketReader {
  readonly #limits: PacketLimits
  readonly #onPublish: (bytes: number) => void
  /** Where in a packet the stream stands. */
  #stage: 'first-byte' | 'length' | 'head' | 'rest' = 'first-byte'
  #first = 0
  #length = 0
  #lengthBytes = 0
  /** Body bytes still to come. */
  #left = 0
  /** The body so far, until it can be judged: `headBytes` of `head`. */
  #head: Buffer = nothing
  #headBytes = 0
  #connected = false
  /** Speaks MQTT 3.1. */
  #isOld = false

  /** `onPublish` is told of each PUBLISH with the bytes of its body. */
  constructor(limits: PacketLimits, onPublish: (bytes: number) => void = () => {}) {
    this.#limits = limits
    this.#onPublish = onPublish
  }

  /** The first breach in this chunk; undefined when all is well so far. Bodies of more than `maxBytes` are one. */
  take(chunk: Buffer, maxBytes: number): Found | undefined {
    for (let at = 0; at < chunk.length; ) {
      if (this.#stage === 'first-byte') {
        this.#first = this.#isOld ? withoutRepeatFlag(chunk, at) : (chunk[at] ?? 0)
        this.#length = 0
        this.#stage = 'length'
        at++
      } else if (this.#stage === 'length') {
        const breach = this.#takeLength(chunk[at++] ?? 0, maxBytes)
        if (breach !== undefined) return { breach, declaredBytes: this.#length }
      } else if (this.#stage === 'head') {
        const before = this.#left
        const breach = this.#judgeHead(chunk, at)
        if (breach !== undefined) return { breach, declaredBytes: this.#length }
        at += before - this.#left
      }
      at += this.#skipRest(chunk.length - at)
    }
    return undefined
  }

  /** §2.2.3: seven bits a byte, lowest first, at most four bytes. */
  #takeLength(byte: number, maxBytes: number): Breach | undefined {
    this.#length += (byte & 0x7f) * 128 ** this.#lengthBytes++
    if (this.#length > maxBytes) return 'packet-too-large'
    if ((byte & 0x80) !== 0) return this.#lengthBytes === 4 ? 'malformed-length' : undefined
    this.#lengthBytes = 0
    this.#left = this.#length
    this.#head = nothing
    this.#headBytes = 0
    this.#stage = this.#length === 0 ? 'rest' : 'head'
    return firstByteBreach(this.#first, this.#length) ?? this.#orderBreach()
  }

  #orderBreach(): Breach | undefined {
    const isConnect = this.#first >> 4 === packetTypes.connect
    if (isConnect === this.#connected) return isConnect ? 'second-connect' : 'first-packet-is-no-connect'
    this.#connected = true
    return undefined
  }

  /** Judges the packet if enough of it is in `chunk` from `at`; remembers what there is otherwise. */
  #judgeHead(chunk: Buffer, at: number): Breach | undefined {
    const available = chunk.subarray(at, at + this.#left)
    const body = this.#headBytes === 0 ? available : this.#withMore(available)
    const wanted = judgedBytes(this.#first, this.#length, body)
    // Twice: the length of a topic is only known once its first two bytes are there.
    if (body.length < wanted || body.length < judgedBytes(this.#first, this.#length, body.subarray(0, wanted))) {
      if (this.#headBytes === 0) this.#withMore(available)
      this.#headBytes += available.length
      this.#left -= available.length
      return undefined
    }
    const type = this.#first >> 4
    if (type === packetTypes.publish) this.#onPublish(this.#length)
    if (type === packetTypes.connect) this.#isOld = body[1] === oldName.length
    this.#stage = 'rest'
    return bodyBreach(this.#first, body.subarray(0, wanted), this.#limits)
  }

  /** The body so far with what came now. Grows by doubling: a packet sent byte by byte must not be copied each time. */
  #withMore(more: Buffer): Buffer {
    const bytes = this.#headBytes + more.length
    if (bytes > this.#head.length) {
      const larger = Buffer.allocUnsafe(Math.max(bytes, 2 * this.#head.length))
      this.#head.copy(larger, 0, 0, this.#headBytes)
      this.#head = larger
    }
    more.copy(this.#head, this.#headBytes)
    return this.#head.subarray(0, bytes)
  }

  #skipRest(available: number): number {
    if (this.#stage !== 'rest') return 0
    const skipped = Math.min(this.#left, available)
    this.#left -= skipped
    if (this.#left === 0) this.#stage = 'first-byte'
    return skipped
  }
}
