/**
 * Simulated field gateways speaking to the edge agent: SenML over HTTP, one push in flight per gateway, in order,
 * again until it is taken. What a gateway cannot get rid of it holds up to a limit, and counts what it dropped.
 */
import { formatSenml, type SenmlReading } from '@forewarn/contracts/senml'
import { z } from 'zod'
import { type Pace, pacedMs } from './pace.ts'

export interface PusherOptions {
  readonly clock: Pace
  /** Base of the edge agent's push source. */
  readonly pushUrl: string
  readonly pushToken: string
  /** Told after each push how often its sensors should be measured now, s; those that are not named as usual. */
  readonly onPace?: (sensors: Iterable<string>, samplingS: ReadonlyMap<string, number>) => void
}

export interface PusherFigures {
  readonly pushed: number
  /** Pushes that were not taken and were tried again. */
  readonly failures: number
  readonly dropped: number
}

export interface Pusher {
  /** Queues readings of one gateway; `backlog` marks them as held back before. */
  add(gateway: string, readings: readonly SenmlReading[], options?: { backlog?: boolean }): void
  /** Resolves once nothing waits any more. */
  idle(): Promise<void>
  figures(): PusherFigures
  /** Drops what waits. */
  stop(): void
}

interface Pack {
  readonly readings: readonly SenmlReading[]
  readonly backlog: boolean
}

/** Readings in one push; the source takes 1 MB. */
const pushReadings = 2000
/** Readings that one gateway holds. */
const holdLimit = 50_000

export function startPusher(options: PusherOptions): Pusher {
  return new HttpPusher(options)
}

class HttpPusher implements Pusher {
  #options: PusherOptions
  #queues = new Map<string, Pack[]>()
  #busy = new Map<string, Promise<void>>()
  #stopping = new AbortController()
  #pushed = 0
  #failures = 0
  #dropped = 0

  constructor(options: PusherOptions) {
    this.#options = options
  }

  add(gateway: string, readings: readonly SenmlReading[], { backlog = false }: { backlog?: boolean } = {}): void {
    if (readings.length === 0 || this.#stopping.signal.aborted) return
    const queue = this.#queues.get(gateway) ?? []
    for (let from = 0; from < readings.length; from += pushReadings) {
      queue.push({ readings: readings.slice(from, from + pushReadings), backlog })
    }
    this.#queues.set(gateway, queue)
    this.#dropBeyondLimit(queue)
    if (!this.#busy.has(gateway)) this.#busy.set(gateway, this.#drain(gateway, queue))
  }

  #dropBeyondLimit(queue: Pack[]): void {
    let held = queue.reduce((sum, { readings }) => sum + readings.length, 0)
    while (held > holdLimit && queue.length > 1) {
      const count = queue.shift()?.readings.length ?? 0
      held -= count
      this.#dropped += count
    }
  }

  async #drain(gateway: string, queue: Pack[]): Promise<void> {
    while (queue.length > 0 && !this.#stopping.signal.aborted) {
      const pack = takeTogether(queue)
      if (await this.#post(gateway, pack)) {
        this.#pushed += pack.readings.length
      } else {
        this.#failures += 1
        queue.unshift(pack)
        await this.#pause()
      }
    }
    this.#busy.delete(gateway)
  }

  async #post(gateway: string, { readings, backlog }: Pack): Promise<boolean> {
    const { pushUrl, pushToken } = this.#options
    try {
      const answer = await fetch(`${pushUrl}/push/${gateway}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${pushToken}`, 'content-type': 'application/senml+json' },
        body: formatSenml(readings, { backlog }),
        signal: this.#stopping.signal,
      })
      const text = await answer.text()
      if (answer.ok) this.#options.onPace?.(namesOf(readings), wishesIn(text))
      return answer.ok
    } catch {
      // Nobody listens, or the connection broke: the same push comes again, and is counted.
      return false
    }
  }

  #pause(): Promise<void> {
    const { clock } = this.#options
    return new Promise(resolve => {
      const cancel = clock.after(pacedMs(clock, { houseMs: 1000, leastWallMs: 100 }), resolve)
      this.#stopping.signal.addEventListener('abort', () => {
        cancel()
        resolve()
      })
    })
  }

  async idle(): Promise<void> {
    while (this.#busy.size > 0) await Promise.all(this.#busy.values())
  }

  figures(): PusherFigures {
    return { pushed: this.#pushed, failures: this.#failures, dropped: this.#dropped }
  }

  stop(): void {
    this.#stopping.abort()
    this.#queues.clear()
  }
}

function namesOf(readings: readonly SenmlReading[]): Set<string> {
  return new Set(readings.map(({ name }) => name))
}

const Answer = z.object({ samplingS: z.record(z.string(), z.number().positive()).default({}) })
const asUsual: ReadonlyMap<string, number> = new Map()

/** An answer without a body, or with one that says something else, wishes for nothing. */
function wishesIn(text: string): ReadonlyMap<string, number> {
  if (text === '') return asUsual
  const answer = Answer.safeParse(parseJson(text))
  return answer.success ? new Map(Object.entries(answer.data.samplingS)) : asUsual
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // no JSON: the schema refuses it, and nothing is wished for
  }
}

/** The next pack, with those of its kind behind it for as long as they fit into one push. */
function takeTogether(queue: Pack[]): Pack {
  const [first] = queue.splice(0, 1)
  if (first === undefined) return { readings: [], backlog: false }
  const readings = [...first.readings]
  for (let next = queue[0]; next !== undefined; next = queue[0]) {
    if (next.backlog !== first.backlog || readings.length + next.readings.length > pushReadings) break
    readings.push(...next.readings)
    queue.shift()
  }
  return { readings, backlog: first.backlog }
}
