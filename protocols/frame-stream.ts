/**
 * Frames out of a stream that comes in any pieces: half a frame, several at once, noise in between. Knows nothing of a
 * protocol but how to read one frame and where one may begin.
 */

/** What a protocol's reader says of bytes that begin where a frame should. */
export type StreamRead<T> =
  | { readonly kind: 'frame'; readonly frame: T /** First byte behind it. */; readonly next: number }
  | { readonly kind: 'incomplete' | 'broken' | 'contradiction'; readonly detail: string }

export interface StreamProtocol<T> {
  read(bytes: Uint8Array): StreamRead<T>
  /** Where the next frame may begin, from `from` on; -1 when nowhere. */
  nextStart(bytes: Uint8Array, from: number): number
  /** No frame is longer. */
  readonly longestBytes: number
}

export type StreamItem<T> =
  | { readonly kind: 'frame'; readonly frame: T; readonly bytes: Uint8Array }
  /** What was passed over to get to the next frame, and why. */
  | { readonly kind: 'junk'; readonly bytes: Uint8Array; readonly detail: string }

/** How many later beginnings are tried while a frame is incomplete, so that nobody can keep us busy with them. */
const laterStartsAtMost = 32

export class FrameStream<T> {
  #protocol: StreamProtocol<T>
  #waiting: Uint8Array = new Uint8Array()
  #junk: { bytes: Uint8Array; detail: string } | undefined

  constructor(protocol: StreamProtocol<T>) {
    this.#protocol = protocol
  }

  /** Bytes of a frame that has begun and is not complete. */
  get waitingBytes(): number {
    return this.#waiting.length
  }

  /** Takes the next piece; returns what it made complete, in order. */
  push(piece: Uint8Array): StreamItem<T>[] {
    this.#waiting = joined(this.#waiting, piece)
    return this.#drain()
  }

  /** Nothing more came for long: what has begun is no frame. Returns what lies behind its first bytes. */
  giveUp(detail = 'the frame was never completed'): StreamItem<T>[] {
    const items: StreamItem<T>[] = []
    while (this.#waiting.length > 0) {
      this.#passOver(detail)
      items.push(...this.#drain())
    }
    return items
  }

  #drain(): StreamItem<T>[] {
    const items: StreamItem<T>[] = []
    while (this.#waiting.length > 0) {
      const read = this.#protocol.read(this.#waiting)
      if (read.kind === 'frame') this.#take(read, items)
      else if (read.kind !== 'incomplete') this.#passOver(read.detail)
      else if (!this.#skipToLaterFrame(read.detail)) break
    }
    this.#flushJunk(items)
    return items
  }

  #take({ frame, next }: { frame: T; next: number }, items: StreamItem<T>[]): void {
    this.#flushJunk(items)
    items.push({ kind: 'frame', frame, bytes: this.#waiting.slice(0, next) })
    this.#waiting = this.#waiting.subarray(next)
  }

  /** On to the next place where a frame may begin; what lies before it is junk. */
  #passOver(detail: string): void {
    const start = this.#protocol.nextStart(this.#waiting, 1)
    this.#skip(start === -1 ? this.#waiting.length : start, detail)
  }

  #skip(bytes: number, detail: string): void {
    const passed = this.#waiting.subarray(0, bytes)
    // The first reason is the one that explains the rest.
    this.#junk = { bytes: joined(this.#junk?.bytes ?? new Uint8Array(), passed), detail: this.#junk?.detail ?? detail }
    this.#waiting = this.#waiting.subarray(bytes)
  }

  #flushJunk(items: StreamItem<T>[]): void {
    if (this.#junk !== undefined) items.push({ kind: 'junk', ...this.#junk })
    this.#junk = undefined
  }

  /**
   * A whole frame with a right checksum lies behind a beginning that waits for more: the beginning had a damaged length,
   * or is noise. Without this the frame behind it would wait until thousands of bytes had come.
   */
  #skipToLaterFrame(detail: string): boolean {
    if (this.#waiting.length > this.#protocol.longestBytes) {
      this.#passOver(detail)
      return true
    }
    let start = this.#protocol.nextStart(this.#waiting, 1)
    for (let tried = 0; start !== -1 && tried < laterStartsAtMost; tried++) {
      if (this.#protocol.read(this.#waiting.subarray(start)).kind === 'frame') {
        this.#skip(start, detail)
        return true
      }
      start = this.#protocol.nextStart(this.#waiting, start + 1)
    }
    return false
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return Uint8Array.from(b)
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}
