/**
 * Tells a gateway's own readings from everything else in what its connection sends, before anybody parses it: whole
 * PUBLISH packets on topics named here are taken out, all other bytes go on as they came. Reads fixed headers and
 * topics (MQTT 3.1.1 §2.2, §3.3); what it cannot make sense of is somebody else's to refuse.
 */

export interface OwnTopic {
  readonly topic: string
  readonly bytes: Buffer
}

export interface OwnPublish {
  readonly topic: string
  /** Shares memory with what was read. */
  readonly payload: Buffer
  /** 0 for QoS 0, which is not acknowledged. */
  readonly packetId: number
  /** Of the whole packet. */
  readonly bytes: number
}

/**
 * - `own`: a whole packet to be taken out
 * - `acknowledged`: the beginning of another PUBLISH that will be acknowledged
 * - `other`: anything else, or more of a packet whose beginning has passed
 */
export type NextPacket = 'own' | 'acknowledged' | 'other'

const publishType = 3
const nothing = Buffer.alloc(0)

export class PublishSplit {
  /** Taken out from now on; none before the client is in. */
  own: readonly OwnTopic[] = []
  readonly #maxBytes: number
  #bytes: Buffer = nothing
  #at = 0
  /** Came while a packet was not complete, and has not been put behind it yet. */
  #more: Buffer[] = []
  #moreBytes = 0
  /** Bytes that must come before there is anything new to see. */
  #missing = 0
  /** Of a packet that is being passed on: bytes still to come. */
  #passing = 0
  // The packet that begins at `#at`, once `next` has looked at it.
  #topic: OwnTopic | undefined
  #bodyAt = 0
  #end = 0

  /** Packets longer than `maxBytes` are never held back to be complete. */
  constructor({ maxBytes }: { maxBytes: number }) {
    this.#maxBytes = maxBytes
  }

  feed(chunk: Buffer): void {
    if (this.#at === this.#bytes.length) {
      this.#bytes = chunk
      this.#at = 0
      return
    }
    this.#more.push(chunk)
    this.#moreBytes += chunk.length
    // A packet that comes byte by byte must not be copied each time.
    if (this.#moreBytes < this.#missing) return
    this.#bytes = Buffer.concat([this.#bytes.subarray(this.#at), ...this.#more])
    this.#at = 0
    this.#more = []
    this.#moreBytes = 0
    this.#missing = 0
  }

  /** What comes next; undefined until more was fed. */
  next(): NextPacket | undefined {
    if (this.#more.length > 0 || this.#at === this.#bytes.length) return undefined
    if (this.#passing > 0) return 'other'
    if (!this.#readHeader()) return undefined
    const first = this.#bytes[this.#at] ?? 0
    if (first >> 4 !== publishType) return 'other'
    const isOwn = this.#isOwn(first)
    if (isOwn === undefined) return undefined
    if (isOwn) return 'own'
    return (first & 6) === 0 ? 'other' : 'acknowledged'
  }

  /** After `next` said `own`. */
  takeOwn(): OwnPublish {
    const bytes = this.#bytes
    const topic = this.#topic?.topic ?? ''
    const topicEnd = this.#bodyAt + 2 + (this.#topic?.bytes.length ?? 0)
    const withId = ((bytes[this.#at] ?? 0) & 6) !== 0
    const packetId = withId ? bytes.readUInt16BE(topicEnd) : 0
    const payload = bytes.subarray(withId ? topicEnd + 2 : topicEnd, this.#end)
    const length = this.#end - this.#at
    this.#moveTo(this.#end)
    return { topic, payload, packetId, bytes: length }
  }

  /** After `next` said something else: the packet, or as much of it as there is. */
  takeOther(): Buffer {
    const bytes = this.#bytes
    const from = this.#at
    const end = this.#passing > 0 ? from + this.#passing : this.#end
    const to = Math.min(end, bytes.length)
    this.#passing = end - to
    this.#moveTo(to)
    return bytes.subarray(from, to)
  }

  #moveTo(at: number): void {
    this.#at = at
    // What was read must not be held by a connection that says nothing more.
    if (at === this.#bytes.length) {
      this.#bytes = nothing
      this.#at = 0
    }
  }

  /** §2.2.3: seven bits a byte, lowest first, at most four bytes. False when it is not all there. */
  #readHeader(): boolean {
    const bytes = this.#bytes
    let length = 0
    for (let digit = 0; digit < 4; digit++) {
      const byte = bytes[this.#at + 1 + digit]
      if (byte === undefined) return this.#wait(1)
      length += (byte & 0x7f) * 128 ** digit
      if ((byte & 0x80) !== 0) continue
      this.#bodyAt = this.#at + 2 + digit
      this.#end = this.#bodyAt + length
      return true
    }
    // No length at all: the meter behind us closes the connection.
    this.#bodyAt = this.#at
    this.#end = Number.POSITIVE_INFINITY
    return true
  }

  #wait(bytes: number): false {
    this.#missing = bytes
    return false
  }

  /** Undefined when more must come to tell, or it is one and not complete. */
  #isOwn(first: number): boolean | undefined {
    const end = this.#end
    // Retained messages and QoS 2 have a longer way.
    if (this.own.length === 0 || (first & 5) !== 0 || end - this.#at > this.#maxBytes) return false
    const bytes = this.#bytes
    const topicAt = this.#bodyAt + 2
    if (topicAt > end) return false
    if (bytes.length < topicAt) return this.#wait(topicAt - bytes.length) || undefined
    const length = bytes.readUInt16BE(this.#bodyAt)
    const withId = (first & 6) !== 0
    if (topicAt + length + (withId ? 2 : 0) > end || !this.own.some(one => one.bytes.length === length)) return false
    if (bytes.length < topicAt + length) return this.#wait(topicAt + length - bytes.length) || undefined
    this.#topic = this.own.find(one => bytes.compare(one.bytes, 0, one.bytes.length, topicAt, topicAt + length) === 0)
    if (this.#topic === undefined) return false
    if (bytes.length < end) return this.#wait(end - bytes.length) || undefined
    return !withId || bytes.readUInt16BE(topicAt + length) !== 0
  }
}
