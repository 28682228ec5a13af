/**
 * One message of a station that comes in packets (mode M3): gathered until whole, missing ones asked for by number, given
 * up after the standard's two resends.
 */
import type { Sl651Frame } from '@forewarn/protocols/sl651/frame'
import { inOrder, joinPackets, missingPackets } from '@forewarn/protocols/sl651/packets'

export type DeskAnswer =
  | { readonly kind: 'waiting' }
  /** Ask for this packet again. */
  | { readonly kind: 'ask'; readonly packetNo: number; readonly first: Sl651Frame }
  | { readonly kind: 'whole'; readonly frame: Sl651Frame }
  | { readonly kind: 'given-up'; readonly detail: string }

/** SL 651-2014: a packet is sent again twice at most, then the link is given up. */
const resendsAtMost = 2

/** A picture of a station is some 100 kB; nobody may fill our memory with packets. */
const bytesAtMost = 2 * 1024 * 1024

export class PacketDesk {
  readonly #first: Sl651Frame
  #frames: Sl651Frame[] = []
  #bytes = 0
  #asked = new Map<number, number>()
  #ended = false

  /** `first`: whichever packet came first. */
  constructor(first: Sl651Frame) {
    this.#first = first
  }

  /** Whether the packet is of the message that is being gathered. */
  belongs({ func, packets }: Sl651Frame): boolean {
    return func === this.#first.func && packets === this.#first.packets
  }

  put(frame: Sl651Frame): DeskAnswer {
    const { packetNo = 0, packets = 0 } = frame
    if (packetNo < 1 || packetNo > packets) return { kind: 'given-up', detail: `packet ${packetNo} of ${packets}` }
    if (!this.#frames.some(known => known.packetNo === packetNo)) {
      this.#frames.push(frame)
      this.#bytes += frame.body.length
    }
    if (this.#bytes > bytesAtMost) return { kind: 'given-up', detail: `more than ${bytesAtMost} bytes in packets` }
    if (packetNo === packets) this.#ended = true
    // Before the last one has come, a gap may only be late.
    return this.#ended ? this.look() : { kind: 'waiting' }
  }

  /** The last packet came, or nothing came for long: what is to be done. */
  look(): DeskAnswer {
    this.#ended = true
    const [packetNo] = missingPackets(this.#frames)
    if (packetNo === undefined) {
      const frame = joinPackets(this.#frames)
      return frame === undefined ? { kind: 'waiting' } : { kind: 'whole', frame }
    }
    const asked = this.#asked.get(packetNo) ?? 0
    if (asked >= resendsAtMost) {
      return { kind: 'given-up', detail: `packet ${packetNo} of ${this.#first.packets} never came` }
    }
    this.#asked.set(packetNo, asked + 1)
    return { kind: 'ask', packetNo, first: inOrder(this.#frames)[0] ?? this.#first }
  }
}
