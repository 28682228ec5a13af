/**
 * News from `alerts` to every open page: one wire inwards, however many pages outwards. Keeps the last events, so
 * that a page which lost its line for a moment misses nothing; a page that missed more is told to ask anew.
 */
import { AlertsEvent } from '@forewarn/contracts/alerts-api'
import type { Log } from '@forewarn/runtime/log'
import type { Metrics } from '@forewarn/runtime/metrics'
import { readEvents, writeEvent } from './sse.ts'

/** Events kept for pages that come back. */
const keptEvents = 2000
/** A page that does not take its news in is let go at this backlog; its browser comes back by itself. */
const backlogBytes = 1_000_000

/** One open page. */
export interface Listener {
  write(text: string): void
  /** Bytes written and not yet taken. */
  backlog(): number
  close(): void
}

export interface Relay {
  /** Adds a page; what it missed since `lastEventId` is written first. Returns what removes it. */
  listen(listener: Listener, lastEventId: string | undefined): () => void
  /** Sends the console's own news; not kept, because only the newest counts. */
  announce(event: 'tick' | 'health', data: unknown): void
  /** Whether the wire to `alerts` stands. */
  live(): boolean
  listeners(): number
  stop(): void
}

export interface RelayOptions {
  readonly alertsUrl: string
  readonly innerToken: string
  readonly log: Log
  readonly metrics: Metrics
  /** Wall ms before the first try to reconnect; doubles up to 8 s. */
  readonly retryMs?: number
}

interface Kept {
  readonly id: string
  readonly text: string
}

/** Starts listening to `alerts` at once, and keeps trying while it cannot be reached. */
export function startRelay({ alertsUrl, innerToken, log, metrics, retryMs = 500 }: RelayOptions): Relay {
  const listeners = new Set<Listener>()
  const stopping = new AbortController()
  const dropped = metrics.counter('forewarn_console_pages_dropped_total', 'pages let go because they were too slow')
  let kept: Kept[] = []
  let epoch = 0
  let lastNumber = -1
  let live = false

  const send = (listener: Listener, text: string) => {
    if (listener.backlog() > backlogBytes) {
      dropped.inc()
      listeners.delete(listener)
      listener.close()
      return
    }
    listener.write(text)
  }
  const sendAll = (text: string) => {
    for (const listener of listeners) send(listener, text)
  }
  const forget = () => {
    epoch += 1
    kept = []
    sendAll(resetText)
  }
  const take = (numberText: string | undefined, text: { event: string; data: string }) => {
    const number = Number(numberText)
    // A number that went back means another run of `alerts`: what pages hold may be of the run before.
    if (Number.isFinite(number)) {
      if (number <= lastNumber) forget()
      lastNumber = number
    }
    const id = `${epoch}-${lastNumber}`
    const entry = { id, text: writeEvent({ id, ...text }) }
    kept.push(entry)
    if (kept.length > keptEvents) kept = kept.slice(-keptEvents / 2)
    sendAll(entry.text)
  }
  const follow = async () => {
    const headers: Record<string, string> = { authorization: `Bearer ${innerToken}`, accept: 'text/event-stream' }
    if (lastNumber >= 0) headers['last-event-id'] = String(lastNumber)
    const response = await fetch(new URL('/events', alertsUrl), { headers, signal: stopping.signal })
    if (!response.ok || response.body === null) throw new Error(`/events answered ${response.status}`)
    live = true
    log.info('alerts-followed', { from: lastNumber })
    // What happened while there was no wire may be more than `alerts` resends: pages ask for the whole picture.
    sendAll(resetText)
    for await (const { id, event } of eventsOf(response.body, log)) {
      take(id, { event: event.type, data: JSON.stringify(event) })
    }
  }
  void keepFollowing({ follow, retryMs, signal: stopping.signal, log, lost: () => (live = false) })

  return {
    listen(listener, lastEventId) {
      listeners.add(listener)
      for (const text of missed(kept, lastEventId)) send(listener, text)
      return () => void listeners.delete(listener)
    },
    announce: (event, data) => sendAll(writeEvent({ id: undefined, event, data: JSON.stringify(data) })),
    live: () => live,
    listeners: () => listeners.size,
    stop() {
      stopping.abort()
      for (const listener of listeners) listener.close()
      listeners.clear()
    },
  }
}

async function* eventsOf(body: AsyncIterable<Uint8Array>, log: Log) {
  for await (const message of readEvents(body)) {
    const event = parseAlertsEvent(message)
    if (event === undefined) log.warn('alerts-event-rejected', { event: message.event })
    else yield { id: message.id, event }
  }
}

const resetText = writeEvent({ id: undefined, event: 'reset', data: '{}' })

/** What a page that saw `lastEventId` has to be told. */
function missed(kept: readonly Kept[], lastEventId: string | undefined): string[] {
  if (lastEventId === undefined) return []
  const at = kept.findIndex(entry => entry.id === lastEventId)
  return at === -1 ? [resetText] : kept.slice(at + 1).map(entry => entry.text)
}

function parseAlertsEvent({ event, data }: { event: string; data: string }): AlertsEvent | undefined {
  let json: unknown
  try {
    json = JSON.parse(data)
  } catch {
    // Said by the caller, with the event's name.
    return undefined
  }
  const said = typeof json === 'object' && json !== null ? { type: event, ...json } : json
  const parsed = AlertsEvent.safeParse(said)
  return parsed.success ? parsed.data : undefined
}

interface Following {
  readonly follow: () => Promise<void>
  readonly lost: () => void
  readonly retryMs: number
  readonly signal: AbortSignal
  readonly log: Log
}

async function keepFollowing({ follow, lost, retryMs, signal, log }: Following): Promise<void> {
  let waitMs = retryMs
  while (!signal.aborted) {
    const beganMs = performance.now()
    let trouble = 'the stream ended'
    try {
      await follow()
    } catch (error) {
      trouble = error instanceof Error ? error.message : String(error)
    }
    lost()
    if (signal.aborted) return
    waitMs = performance.now() - beganMs > 10_000 ? retryMs : Math.min(8000, waitMs * 2)
    log.warn('alerts-lost', { trouble, retryMs: waitMs })
    await pause(waitMs, signal)
  }
}

/** Waits on the wall clock: a network does not heal faster in a drill. Ends early when stopped. */
function pause(wallMs: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(resolve, wallMs)
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true })
  })
}
