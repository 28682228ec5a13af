/**
 * Server-sent events from the ledger (HTML standard, "Server-sent events"): `id` is the event's running number, so
 * a client that comes back with `Last-Event-ID` misses nothing.
 */
import type { ServerResponse } from 'node:http'
import type { Log } from '@forewarn/runtime/log'
import type { Ledger, NumberedEvent } from './ledger.ts'

export interface EventStreams {
  /** Keeps writing to `response` whatever comes after event `after`, until the client goes away. */
  attach(response: ServerResponse, after: number): void
  /** Says that there may be new events. */
  wake(): void
  readonly size: number
  stop(): void
}

const heartbeatMs = 10_000
const readAtOnce = 200

interface Stream {
  readonly response: ServerResponse
  last: number
  writing: boolean
  again: boolean
}

/** The event streams of all who listen; each is written what is new in the ledger. */
export function openEventStreams({ ledger, log }: { ledger: Ledger; log: Log }): EventStreams {
  const streams = new Set<Stream>()
  const write = async (stream: Stream) => {
    stream.again = true
    if (stream.writing) return
    stream.writing = true
    try {
      while (stream.again && !stream.response.destroyed) {
        stream.again = false
        await writeNew(ledger, stream)
      }
    } catch (error) {
      // The client reconnects with the last number it saw.
      log.warn('event-stream-broken', { reason: String(error) })
      stream.response.destroy()
    } finally {
      stream.writing = false
    }
  }
  const beat = setInterval(() => {
    for (const { response, writing } of streams) if (!writing) response.write(':\n\n')
  }, heartbeatMs)
  return {
    attach(response, after) {
      const stream = { response, last: after, writing: false, again: false }
      response.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      })
      response.write('retry: 1000\n\n')
      streams.add(stream)
      response.on('close', () => streams.delete(stream))
      void write(stream)
    },
    wake() {
      for (const stream of streams) void write(stream)
    },
    get size() {
      return streams.size
    },
    stop() {
      clearInterval(beat)
      for (const { response } of streams) response.end()
    },
  }
}

async function writeNew(ledger: Ledger, stream: Stream): Promise<void> {
  for (;;) {
    const events = await ledger.eventsAfter(stream.last, readAtOnce)
    for (const event of events) {
      stream.last = event.number
      if (!stream.response.write(textOf(event))) await drained(stream.response)
    }
    if (events.length < readAtOnce || stream.response.destroyed) return
  }
}

function textOf({ number, event }: NumberedEvent): string {
  return `id: ${number}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
}

/** Resolves when the client has read on, or is gone. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise(resolve => {
    const done = () => {
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.once('drain', done)
    response.once('close', done)
  })
}
