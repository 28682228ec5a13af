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

  constructor(protocol: StreamProtocol<T>) {
    this.#protocol = protocol
  }

  /** Bytes of a frame that has begun and is not complete. */
  get waitingBytes(): number {
    return this.#waiting.length
  }

  /** Takes the next piece; returns what it made complete, in order. */
  push(piece: Uint8Array): StreamItem<T>[] {
    return this.#drain(joined(this.#waiting, piece))
  }

  /** Nothing more came for long: what has begun is no frame. Returns what lies behind its first bytes. */
  giveUp(detail = 'the frame was never completed'): StreamItem<T>[] {
    const items: StreamItem<T>[] = []
    while (this.#waiting.length > 0) {
      const start = this.#startAfter(this.#waiting, 0)
      const passed = this.#waiting.slice(0, start)
      const behind = this.#drain(this.#waiting.subarray(start))
      items.push({ kind: 'junk', bytes: passed, detail }, ...behind)
    }
    return inOnePiece(items)
  }

  /** Reads frames until one is incomplete, which then waits. */
  #drain(bytes: Uint8Array): StreamItem<T>[] {
    const items: StreamItem<T>[] = []
    // What is passed over is told in one piece, with the reason of its beginning: that one explains the rest.
    let junk: { readonly from: number; readonly detail: string } | undefined
    const tellJunk = (until: number) => {
      if (junk !== undefined) items.push({ kind: 'junk', bytes: bytes.slice(junk.from, until), detail: junk.detail })
      junk = undefined
    }
    let at = 0
    while (at < bytes.length) {
      const read = this.#protocol.read(bytes.subarray(at))
      if (read.kind === 'frame') {
        tellJunk(at)
        items.push({ kind: 'frame', frame: read.frame, bytes: bytes.slice(at, at + read.next) })
        at += read.next
        continue
      }
      const next = read.kind === 'incomplete' ? this.#laterFrame(bytes, at) : this.#startAfter(bytes, at)
      if (next === undefined) break
      junk ??= { from: at, detail: read.detail }
      at = next
    }
    tellJunk(at)
    this.#waiting = bytes.slice(at)
    return items
  }

  /** The next place where a frame may begin; the end when there is none. */
  #startAfter(bytes: Uint8Array, at: number): number {
    const start = this.#protocol.nextStart(bytes, at + 1)
    return start === -1 ? bytes.length : start
  }

  /**
   * A whole frame with a right checksum lies behind a beginning that waits for more: the beginning had a damaged length,
   * or is noise. Without this the frame behind it would wait until thousands of bytes had come. Undefined: go on waiting.
   */
  #laterFrame(bytes: Uint8Array, at: number): number | undefined {
    if (bytes.length - at > this.#protocol.longestBytes) return this.#startAfter(bytes, at)
    let start = this.#protocol.nextStart(bytes, at + 1)
    for (let tried = 0; start !== -1 && tried < laterStartsAtMost; tried++) {
      if (this.#protocol.read(bytes.subarray(start)).kind === 'frame') return start
      start = this.#protocol.nextStart(bytes, start + 1)
    }
    return undefined
  }
}

/** Junk that follows junk is one piece, with the first reason. */
function inOnePiece<T>(items: readonly StreamItem<T>[]): StreamItem<T>[] {
  const pieces: StreamItem<T>[] = []
  for (const item of items) {
    const last = pieces.at(-1)
    if (item.kind === 'junk' && last?.kind === 'junk') {
      pieces[pieces.length - 1] = { ...last, bytes: joined(last.bytes, item.bytes) }
    } else pieces.push(item)
  }
  return pieces
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return Uint8Array.from(b)
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}
