/**
 * One station of the profile, whatever connection it speaks on: its running totals, its packets, the question that waits
 * for an answer. Decides what is confirmed and what may be sent.
 */
import { askStation, confirmFrame, refusePacket } from '@forewarn/protocols/sl651/answers'
import type { Sl651Frame } from '@forewarn/protocols/sl651/frame'
import { queryFuncs, reportFuncs } from '@forewarn/protocols/sl651/functions'
import { readMessage } from '@forewarn/protocols/sl651/message'
import type { DeviceLine } from '../device-server.ts'
import type { RainTotal } from '../rain-total.ts'
import type { Surroundings } from '../source.ts'
import { type DeskAnswer, PacketDesk } from './packet-desk.ts'
import { mayAsk, type StationProfile } from './profile.ts'
import { readingsOf } from './readings.ts'

export interface StationOptions {
  readonly gateway: string
  readonly profile: StationProfile
  readonly around: Surroundings
  readonly count: (what: StationCount) => void
}

export type StationCount =
  | 'frames'
  | 'keepAlives'
  | 'pictures'
  | 'confirmed'
  | 'packetsAskedAgain'
  | 'asked'
  | 'answered'
  | 'unanswered'
  | 'notKept'

/** Wall time (it is a network's matter) to wait for an answer or a packet, and how often to try again (standard: 2). */
const patienceMs = 20_000
const resendsAtMost = 2

/** A station on a radio needs some seconds for a question and its answer. */
const fastestMs = 10_000

interface Question {
  readonly func: string
  readonly parametersHex: string
  readonly serial: number
  attempts: number
}

export class Station {
  #options: StationOptions
  #totals = new Map<string, RainTotal>()
  #desk: PacketDesk | undefined
  #line: DeviceLine | undefined
  /** How it last spoke: questions go out in the same coding, to the same centre, with the same key. */
  #spoke: Sl651Frame | undefined
  #question: Question | undefined
  #waiting: Omit<Question, 'serial' | 'attempts'>[] = []
  #serial = 0
  #cancelPatience = () => {}
  #cancelPackets = () => {}
  #cancelAsking: (() => void)[] = []
  #periodsMs = ''

  constructor(options: StationOptions) {
    this.#options = options
    this.pace(new Map())
  }

  /** Asks at least so often as its sensors are wanted; what changes the station keeps to its profile. */
  pace(periodMsBySensor: ReadonlyMap<string, number>): void {
    const { around, profile } = this.#options
    const wantedMs = profile.sensors.map(({ sensor }) => periodMsBySensor.get(sensor) ?? Number.POSITIVE_INFINITY)
    const periodsMs = profile.ask.map(({ func, every }) =>
      queryFuncs.has(func) ? Math.max(fastestMs, Math.min(every, ...wantedMs)) : every,
    )
    // Told so with every change anywhere: a clock that starts anew each time would never strike.
    if (periodsMs.join() === this.#periodsMs) return
    this.#periodsMs = periodsMs.join()
    for (const cancel of this.#cancelAsking) cancel()
    this.#cancelAsking = profile.ask.map(({ func, every, parametersHex }, index) =>
      around.clock.every(periodsMs[index] ?? every, () => this.ask(func, parametersHex)),
    )
  }

  /** Takes a frame that is this station's. Resolves when what it says is kept and answered. */
  async take(frame: Sl651Frame, original: Uint8Array, line: DeviceLine): Promise<void> {
    this.#options.count('frames')
    this.#line = line
    this.#spoke = frame
    if (frame.func === '2F') this.#options.count('keepAlives')
    else if (frame.start === 'SYN') await this.#takePacket(frame, original, line)
    else await this.#takeMessage(frame, original, line)
    this.#askNext()
  }

  /** The connection is gone; half a message on it is no message. */
  lost(line: DeviceLine): void {
    if (this.#line !== line) return
    this.#line = undefined
    this.#dropPackets('the connection was lost within a message of several packets')
    this.#question = undefined
    this.#cancelPatience()
  }

  stop(): void {
    for (const cancel of this.#cancelAsking) cancel()
    this.#cancelPatience()
    this.#cancelPackets()
  }

  async #takePacket(frame: Sl651Frame, original: Uint8Array, line: DeviceLine): Promise<void> {
    if (this.#desk !== undefined && !this.#desk.belongs(frame)) {
      this.#dropPackets('another message began before all packets had come')
    }
    const desk = this.#desk ?? new PacketDesk(frame)
    this.#desk = desk
    await this.#follow(desk.put(frame), original, line)
  }

  async #follow(answer: DeskAnswer, original: Uint8Array, line: DeviceLine): Promise<void> {
    this.#cancelPackets()
    if (answer.kind === 'whole') {
      this.#desk = undefined
      return await this.#takeMessage(answer.frame, original, line)
    }
    if (answer.kind === 'given-up') {
      this.#dropPackets(answer.detail)
      return line.close()
    }
    if (answer.kind === 'ask') {
      this.#options.count('packetsAskedAgain')
      const { packetNo, first } = answer
      line.send(refusePacket(first, { packetNo, atMs: this.#nowMs() }))
    }
    this.#cancelPackets = this.#afterPatience(() => {
      if (this.#desk === undefined) return
      // Nothing new has come, so there is nothing to keep: it asks again or gives up, and neither can fail.
      void this.#follow(this.#desk.look(), original, line)
    })
  }

  #dropPackets(detail: string): void {
    this.#cancelPackets()
    if (this.#desk === undefined) return
    this.#desk = undefined
    this.#refuse('packets-incomplete', detail, new Uint8Array())
  }

  async #takeMessage(frame: Sl651Frame, original: Uint8Array, line: DeviceLine): Promise<void> {
    const read = readMessage(frame)
    if ('detail' in read) return this.#refuse('unreadable-text', read.detail, original)
    if (read.picture !== undefined) this.#options.count('pictures')
    this.#settleQuestion(frame.func)
    const { profile } = this.#options
    const found = readingsOf(read.message, profile, { totals: this.#totals, nowMs: this.#nowMs() })
    for (const { reason, detail } of found.passedOver) this.#refuse(reason, detail, original)
    if (!(await this.#keep(found))) return
    for (const [sensor, total] of found.totals) this.#totals.set(sensor, total)
    // A confirmation says "kept": the station throws the report away for it.
    if (!profile.confirm || !reportFuncs.has(frame.func)) return
    this.#options.count('confirmed')
    line.send(confirmFrame(frame, { mark: profile.confirmWith, atMs: this.#nowMs() }))
  }

  /** Whether all of it is on disk. When it is not there is no confirmation, and the station sends again. */
  async #keep({ live, held }: Pick<ReturnType<typeof readingsOf>, 'live' | 'held'>): Promise<boolean> {
    const { around, gateway, profile, count } = this.#options
    try {
      // Side by side: both wait for the same disk.
      await Promise.all([
        held.length > 0 ? around.take(gateway, held, { backlog: true }) : undefined,
        live.length > 0 ? around.take(gateway, live, { backlog: false }) : undefined,
      ])
      return true
    } catch (error) {
      count('notKept')
      around.log.error('station-report-not-kept', { station: profile.station, trouble: String(error) })
      return false
    }
  }

  /**
   * Asks the station when it is on line and no question waits. Sends nothing that changes the station unless its
   * profile allows it by name: the profile was checked for that, and it is checked here again.
   */
  ask(func: string, parametersHex: string): void {
    const { profile } = this.#options
    if (!mayAsk(func, profile.allow)) return this.#refuse('not-allowed', `function ${func} to ${profile.station}`, '')
    if (this.#waiting.every(waiting => waiting.func !== func)) this.#waiting.push({ func, parametersHex })
    this.#askNext()
  }

  #askNext(): void {
    if (this.#question !== undefined || this.#line === undefined || this.#spoke === undefined) return
    const next = this.#waiting.shift()
    if (next === undefined) return
    this.#serial = (this.#serial % 65_535) + 1
    this.#question = { ...next, serial: this.#serial, attempts: 0 }
    this.#sendQuestion(this.#question)
  }

  #sendQuestion(question: Question): void {
    if (this.#line === undefined || this.#spoke === undefined) return
    const { coding, center, station, password } = this.#spoke
    const { func, serial, parametersHex } = question
    this.#options.count('asked')
    this.#line.send(
      askStation({ coding, center, station, password }, { func, serial, parametersHex, atMs: this.#nowMs() }),
    )
    this.#cancelPatience = this.#afterPatience(() => this.#whenUnanswered(question))
  }

  #whenUnanswered(question: Question): void {
    if (this.#question !== question) return
    if (question.attempts++ < resendsAtMost) return this.#sendQuestion(question)
    this.#options.count('unanswered')
    this.#question = undefined
    this.#options.around.log.warn('station-not-answering', {
      station: this.#options.profile.station,
      func: question.func,
    })
    // SL 651-2014: after two resends the link is given up.
    this.#line?.close()
  }

  /** A station answers under the function it was asked with. */
  #settleQuestion(func: string): void {
    if (this.#question?.func !== func) return
    this.#options.count('answered')
    this.#question = undefined
    this.#cancelPatience()
  }

  #afterPatience(deed: () => void): () => void {
    const { clock } = this.#options.around
    return clock.after(patienceMs * clock.speed, deed)
  }

  #nowMs(): number {
    return this.#options.around.clock.nowMs()
  }

  #refuse(reason: string, detail: string, original: Uint8Array | string): void {
    this.#options.around.refuse({ reason, detail: `${this.#options.profile.station}: ${detail}`, original })
  }
}
