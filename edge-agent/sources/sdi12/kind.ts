/**
 * SDI-12 sensors as a source: level, rain and soil sensors on one slow line, asked in turn, each in its own period.
 */
import type { Duplex } from 'node:stream'
import { nameOfLine, openLine } from '../line-stream.ts'
import { startPolling } from '../polling.ts'
import { readingOrMissing } from '../said-missing.ts'
import { type Source, type Surroundings, sourceKind } from '../source.ts'
import { type Sdi12Device, Sdi12Profile } from './profile.ts'
import { type Measured, type Talk, talkOn } from './talk.ts'

export const sdi12Kind = sourceKind({
  kind: 'sdi12',
  profile: Sdi12Profile,
  sensors: ({ devices }) => devices.flatMap(({ read }) => read.map(({ sensor }) => sensor)),
  start: async (profile, around) => startSdi12(profile, around),
})

function startSdi12(profile: Sdi12Profile, around: Surroundings): Source {
  const bus = new Bus(profile)
  const counts = { answers: 0, unanswered: 0, readings: 0, 'not-kept': 0 }
  const devices = profile.devices.map((device, index) => ({
    name: `${index} ${device.address}`,
    everyMs: device.every,
    sensors: device.read.map(({ sensor }) => sensor),
    async ask(): Promise<string | undefined> {
      const measured = await bus.measure(device)
      if ('trouble' in measured) counts.unanswered++
      else counts.answers++
      const trouble = 'trouble' in measured ? measured.trouble : await keep(device, measured.values)
      return trouble === undefined ? undefined : `sensor ${device.address} on ${nameOfLine(profile.line)}: ${trouble}`
    },
  }))
  const keep = async ({ read }: Sdi12Device, values: readonly number[]): Promise<string | undefined> => {
    const atMs = around.clock.nowMs()
    const readings = read.map(sensor => readingOrMissing(sensor, values[sensor.value - 1], atMs))
    try {
      await around.take(profile.gateway, readings, { backlog: false })
      counts.readings += readings.length
      return undefined
    } catch (error) {
      counts['not-kept'] += readings.length
      return `its readings could not be kept: ${error instanceof Error ? error.message : String(error)}`
    }
  }
  const polling = startPolling(devices, around.clock)
  return {
    kind: 'sdi12',
    status() {
      const troubles = [...polling.troubles().values()]
      const state = troubles.length > 0 ? 'troubled' : polling.askedAll ? 'running' : 'waiting'
      return { state, counts, ...(troubles.length > 0 ? { trouble: troubles.join('; ') } : {}) }
    },
    pace: periods => polling.pace(periods),
    async stop() {
      bus.close()
      await polling.stop()
    },
  }
}

/** The line, opened when there is something to ask. */
class Bus {
  #profile: Sdi12Profile
  #line: Duplex | undefined
  #talk: Talk | undefined
  #closed = false

  constructor(profile: Sdi12Profile) {
    this.#profile = profile
  }

  async measure({ address, command }: Sdi12Device): Promise<Measured> {
    const talk = await this.#open()
    return typeof talk === 'string' ? { trouble: talk } : await talk.measure(address, command)
  }

  async #open(): Promise<Talk | string> {
    if (this.#talk !== undefined) return this.#talk
    try {
      const line = await openLine(this.#profile.line)
      line.on('error', () => line.destroy())
      line.once('close', () => {
        if (this.#line === line) this.#talk = undefined
      })
      this.#line = line
      if (this.#closed) line.destroy()
      return (this.#talk = talkOn(line, this.#profile.timeout))
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }

  close(): void {
    this.#closed = true
    this.#line?.destroy()
  }
}
