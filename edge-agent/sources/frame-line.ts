/**
 * One connection whose bytes are frames: pieces in, whole frames out one after the other, and half a frame that was
 * never completed given up in time.
 */
import type { FrameStream, StreamItem } from '@forewarn/protocols/frame-stream'
import type { Clock } from '@forewarn/runtime/clock'
import type { LineHandler } from './device-server.ts'

export interface FrameLineOptions<T> {
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

export class FrameLine<T> implements LineHandler {
  #options: FrameLineOptions<T>
  #cancelGiveUp = () => {}
  #turn: Promise<void> = Promise.resolve()

  constructor(options: FrameLineOptions<T>) {
    this.#options = options
  }

  take(piece: Uint8Array): Promise<void> {
    const { stream, clock } = this.#options
    this.#cancelGiveUp()
    const items = stream.push(piece)
    if (stream.waitingBytes > 0) {
      this.#cancelGiveUp = clock.after(halfFrameAtMostMs * clock.speed, () => void this.#handle(stream.giveUp()))
    }
    return this.#handle(items)
  }

  /** In the order of arrival, also what a timer brings up. */
  #handle(items: readonly StreamItem<T>[]): Promise<void> {
    this.#turn = this.#turn.then(() => this.#each(items))
    return this.#turn
  }

  async #each(items: readonly StreamItem<T>[]): Promise<void> {
    for (const item of items) {
      if (item.kind === 'junk') this.#options.junk(item.detail, item.bytes)
      else await this.#options.take(item.frame, item.bytes)
    }
  }

  async closed(): Promise<void> {
    this.#cancelGiveUp()
    await this.#handle(this.#options.stream.giveUp('the connection was closed within a frame'))
    this.#options.closed?.()
  }
}
