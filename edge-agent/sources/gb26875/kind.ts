/**
 * Fire transmitters (GB/T 26875.3) as a source: a TCP port that they connect to. What is read is confirmed once it is
 * on disk, what cannot be read is denied, and what could not be kept is left unanswered, so that it comes again.
 */
import { beijingIsoToUtcMs } from '@forewarn/protocols/beijing-time'
import {
  answerFrame,
  commands,
  type FireFrame,
  openFireStream,
  writeFireFrame,
} from '@forewarn/protocols/gb26875/frame'
import { type FireObject, readUnit } from '@forewarn/protocols/gb26875/objects'
import type { DeviceLine } from '../device-server.ts'
import { startFrameServer } from '../frame-server.ts'
import { type Source, type Surroundings, sourceKind } from '../source.ts'
import { Gb26875Profile } from './profile.ts'
import { FireReadings } from './readings.ts'

export const gb26875Kind = sourceKind({
  kind: 'gb26875',
  profile: Gb26875Profile,
  sensors: ({ transmitters }) => transmitters.flatMap(({ sensors }) => sensors.map(({ sensor }) => sensor)),
  start: startGb26875,
})

async function startGb26875(profile: Gb26875Profile, around: Surroundings): Promise<Source> {
  const desk = new Desk(profile, around)
  const server = await startFrameServer({
    listen: profile.listen,
    around,
    openStream: openFireStream,
    junk: (detail, bytes, line) => desk.refuse('no-frame', `${line.peer}: ${detail}`, bytes),
    take: (frame, bytes, line) => desk.take(frame, bytes, line),
  })
  return {
    kind: 'gb26875',
    status: () => {
      const counts = { connections: server.connections, ...desk.counts() }
      return { state: desk.heardAnything ? 'running' : 'waiting', listensAt: server.listensAt, counts }
    },
    stop: () => server.stop(),
  }
}

class Desk {
  #profile: Gb26875Profile
  #around: Surroundings
  #readings: ReadonlyMap<string, FireReadings>
  #counts = new Map<string, number>()
  heardAnything = false

  constructor(profile: Gb26875Profile, around: Surroundings) {
    this.#profile = profile
    this.#around = around
    this.#readings = new Map(profile.transmitters.map(({ address, sensors }) => [address, new FireReadings(sensors)]))
  }

  counts(): Readonly<Record<string, number>> {
    const unmapped = [...this.#readings.values()].reduce((sum, { unmappedFires }) => sum + unmappedFires, 0)
    return { ...Object.fromEntries(this.#counts), unmappedFires: unmapped }
  }

  #count(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1)
  }

  refuse(reason: string, detail: string, original: Uint8Array): void {
    this.#count('refused')
    this.#around.refuse({ reason, detail, original })
  }

  async take(frame: FireFrame, bytes: Uint8Array, line: DeviceLine): Promise<void> {
    const readings = this.#readings.get(frame.source)
    if (readings === undefined) {
      this.#around.log.error('fire-transmitter-unknown', { address: frame.source, peer: line.peer })
      return this.refuse('unknown-transmitter', `address ${frame.source}, ${line.peer}`, bytes)
    }
    this.heardAnything = true
    this.#count('frames')
    const isSaid = frame.command === commands.send
    // Answers are kept as well, and not answered; confirmations of ours say nothing.
    if (!isSaid && frame.command !== commands.answer) return
    const unit = frame.data.length === 0 ? undefined : readUnit(frame.data)
    if (unit === undefined) {
      this.refuse('wrong-objects', `${frame.source}: its objects are not as many or as long as they must be`, bytes)
      if (isSaid) this.#answer(frame, 'deny', line)
      return
    }
    const unmappedBefore = readings.unmappedFires
    const read = readings.read(unit, object => this.#dateOf(object))
    if (readings.unmappedFires > unmappedBefore) {
      const said = unit.objects.map(({ text }) => text).filter(text => text !== undefined)
      // Nobody has said what this detector is: it must not vanish without a word.
      this.#around.log.error('fire-unmapped', { transmitter: frame.source, said, objects: unit.objects.length })
      this.refuse(
        'unmapped-fire',
        `${frame.source} reports fire at ${said.join(', ') || 'a part'} without a sensor`,
        bytes,
      )
    }
    try {
      if (read.length > 0) await this.#around.take(this.#profile.gateway, read, { backlog: false })
    } catch (error) {
      this.#count('notKept')
      this.#around.log.error('fire-report-not-kept', { transmitter: frame.source, trouble: String(error) })
      return
    }
    if (isSaid) this.#answer(frame, 'confirm', line)
  }

  /** Its own time, or now when its clock is off: a fire must not be lost to a wrong clock. */
  #dateOf({ time }: FireObject): number {
    const nowMs = this.#around.clock.nowMs()
    const saidMs = time === undefined ? undefined : beijingIsoToUtcMs(time)
    if (saidMs !== undefined && Math.abs(nowMs - saidMs) <= this.#profile.clockOffAtMost) return saidMs
    if (time !== undefined) this.#count('clockOff')
    return nowMs
  }

  #answer(asked: FireFrame, verdict: 'confirm' | 'deny', line: DeviceLine): void {
    this.#count(verdict === 'confirm' ? 'confirmed' : 'denied')
    const time = new Date(this.#around.clock.nowMs() + aheadMs).toISOString().slice(0, 19)
    line.send(writeFireFrame(answerFrame(asked, { verdict, time })))
  }
}

/** Transmitters keep Beijing time. */
const aheadMs = 8 * 3_600_000
