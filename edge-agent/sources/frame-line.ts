/**
 * One connection whose bytes are frames: pieces in, whole frames out one after the other, and half a frame that was
 * never completed given up in time.
 */
import type { FrameStream, StreamItem } from '@forewarn/protocols/frame-stream'
import type { Clock } from '@forewarn/runtime/clock'
import type { DeviceLine, LineHandler } from './device-server.ts'

export interface FrameLineOptions<T> {
  /** Closed when too much of what comes is no frame. */
  readonly line?: DeviceLine
  readonly stream: FrameStream<T>
  readonly clock: Clock
  /** What was passed over. */
  junk(detail: string, bytes: Uint8Array): void
  /** The next frame waits until it resolves. */
  take(frame: T, bytes: Uint8Array): Promise<void>
  /** The connection is gone, and everything it brought is dealt with. */
  closed?(): void
}

/** Half a frame for so long (wall time) is noise. */
const halfFrameAtMostMs = 10_000

/** Whoever sends so much without one frame in it does not speak the protocol. */
const junkAtMostBytes = 64 * 1024

export class FrameLine<T> implements LineHandler {
  #options: FrameLineOptions<T>
  #cancelGiveUp = () => {}
  #junkBytes = 0
  #turn: Promise<void> = Promise.resolve()

  constructor(options: FrameLineOptions<T>) {
    this.#options = options
  }

  take(piece: Uint8Array): Promise<void> {
    const { stream, clock } = this.#options
    this.#cancelGiveUp()
    const items = stream.push(piece)
    if (stream.waitingBytes > 0) {
      this.#cancelGiveUp = clock.after(halfFrameAtMostMs * clock.speed, () => this.#giveUp())
    }
    return this.#handle(items)
  }

  #giveUp(): void {
    // A fault in one connection: its next piece meets the same broken turn and ends it.
    this.#handle(this.#options.stream.giveUp()).catch(() => {})
  }

  /** In the order of arrival, also what a timer brings up. */
  #handle(items: readonly StreamItem<T>[]): Promise<void> {
    this.#turn = this.#turn.then(() => this.#each(items))
    return this.#turn
  }

  async #each(items: readonly StreamItem<T>[]): Promise<void> {
    for (const item of items) {
      if (item.kind === 'junk') this.#junk(item)
      else {
        this.#junkBytes = 0
        await this.#options.take(item.frame, item.bytes)
      }
    }
  }

  #junk({ detail, bytes }: { readonly detail: string; readonly bytes: Uint8Array }): void {
    this.#options.junk(detail, bytes)
    this.#junkBytes += bytes.length
    if (this.#junkBytes > junkAtMostBytes) this.#options.line?.close()
  }

  async closed(): Promise<void> {
    this.#cancelGiveUp()
    await this.#handle(this.#options.stream.giveUp('the connection was closed within a frame'))
    this.#options.closed?.()
  }
}
