/**
 * An instrument that speaks NMEA 0183 without being asked: depth sounders, weather stations, compasses. Of each sensor
 * one value is taken in its period; what the instrument marks as invalid is said to be missing.
 */
import type { Duplex } from 'node:stream'
import { type NmeaRecord, recordOf } from '@forewarn/protocols/nmea/records'
import { readSentence } from '@forewarn/protocols/nmea/sentence'
import { nameOfLine, openLine } from '../line-stream.ts'
import { readingOrMissing } from '../said-missing.ts'
import { type Source, type Surroundings, sourceKind } from '../source.ts'
import { NmeaProfile, type NmeaSensor } from './profile.ts'

export const nmeaKind = sourceKind({
  kind: 'nmea',
  profile: NmeaProfile,
  sensors: ({ sensors }) => sensors.map(({ sensor }) => sensor),
  start: async (profile, around) => new NmeaLine(profile, around),
})

const firstBackOffMs = 1000
const longestBackOffMs = 60_000
/** NMEA 0183 allows 82 characters; some instruments say more. */
const longestSentence = 400

class NmeaLine implements Source {
  readonly kind = 'nmea'
  readonly #profile: NmeaProfile
  readonly #around: Surroundings
  readonly #counts = { sentences: 0, broken: 0, readings: 0, invalid: 0, 'not-kept': 0 }
  #line: Duplex | undefined
  #trouble: string | undefined = 'not connected yet'
  #attempts = 0
  #cancelRetry = () => {}
  #stopped = false
  #text = ''
  #taking: Promise<void> = Promise.resolve()
  #dueAtMs = new Map<NmeaSensor, number>()
  #periods: ReadonlyMap<string, number> = new Map()

  constructor(profile: NmeaProfile, around: Surroundings) {
    this.#profile = profile
    this.#around = around
    void this.#connect()
  }

  status() {
    const state = this.#trouble !== undefined ? 'troubled' : this.#counts.sentences === 0 ? 'waiting' : 'running'
    return { state, counts: this.#counts, ...(this.#trouble === undefined ? {} : { trouble: this.#trouble }) } as const
  }

  pace(periodMsBySensor: ReadonlyMap<string, number>): void {
    this.#periods = periodMsBySensor
    this.#dueAtMs.clear()
  }

  async #connect(): Promise<void> {
    const name = nameOfLine(this.#profile.line)
    try {
      const line = await openLine(this.#profile.line)
      this.#line = line
      if (this.#stopped) return void line.destroy()
      this.#trouble = undefined
      this.#attempts = 0
      this.#text = ''
      this.#around.log.info('nmea-line-opened', { line: name })
      line.on('data', (piece: Buffer) => this.#hear(piece.toString('latin1')))
      line.on('error', error => this.#around.log.debug('nmea-line-troubled', { line: name, trouble: error.message }))
      line.once('close', () => this.#tryLater(`the line ${name} was closed`))
    } catch (error) {
      this.#tryLater(`${name}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  #tryLater(trouble: string): void {
    this.#trouble = trouble
    if (this.#stopped) return
    if (this.#attempts === 0) this.#around.log.warn('nmea-line-lost', { trouble })
    const delayMs = Math.min(longestBackOffMs, firstBackOffMs * 2 ** Math.min(this.#attempts++, 10))
    this.#cancelRetry = this.#around.clock.after(delayMs, () => void this.#connect())
  }

  #hear(piece: string): void {
    const lines = (this.#text + piece).split('\n')
    this.#text = (lines.pop() ?? '').slice(-longestSentence)
    for (const line of lines) if (line.trim() !== '') this.#take(line)
  }

  #take(line: string): void {
    const sentence = readSentence(line)
    if ('fault' in sentence) {
      this.#counts.broken++
      this.#around.refuse({ reason: 'broken-sentence', detail: sentence.error, original: line })
      return
    }
    this.#counts.sentences++
    const nowMs = this.#around.clock.nowMs()
    const wanted = this.#profile.sensors.filter(
      sensor => sensor.sentence === sentence.type && this.#isDue(sensor, nowMs),
    )
    const record = wanted.length === 0 ? undefined : recordOf(sentence)
    const readings = wanted.flatMap(sensor => {
      if (record === undefined || !this.#hasField(sensor, record)) return []
      const raw = valueOf(sensor, record)
      if (raw === 'absent') return []
      this.#dueAtMs.set(sensor, nowMs + (this.#periods.get(sensor.sensor) ?? sensor.every))
      if (raw === undefined) this.#counts.invalid++
      return [readingOrMissing(sensor, raw, nowMs)]
    })
    if (readings.length === 0) return
    this.#taking = this.#taking
      .then(() => this.#around.take(this.#profile.gateway, readings, { backlog: false }))
      .then(
        () => void (this.#counts.readings += readings.length),
        (error: unknown) => {
          this.#counts['not-kept'] += readings.length
          this.#around.log.error('nmea-readings-not-kept', { readings: readings.length, trouble: String(error) })
        },
      )
  }

  /** A field that the sentence does not have is a mistake in the profile, and no missing value. */
  #hasField({ sentence, field = '' }: NmeaSensor, record: NmeaRecord): boolean {
    if (sentence === 'XDR' || Object.hasOwn(record, field)) return true
    const { type, ...fields } = record
    this.#trouble = `${type} has no field "${field}"; there are ${Object.keys(fields).join(', ')}`
    return false
  }

  #isDue(sensor: NmeaSensor, nowMs: number): boolean {
    return nowMs >= (this.#dueAtMs.get(sensor) ?? 0)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancelRetry()
    this.#line?.destroy()
    await this.#taking
  }
}

/** `absent`: the sentence does not speak of it; undefined: it says that there is no value, or no valid one. */
function valueOf({ sentence, field = '', transducer }: NmeaSensor, record: NmeaRecord): number | undefined | 'absent' {
  if (sentence !== 'XDR') {
    const value = record[field]
    return record['status'] !== 'invalid' && typeof value === 'number' ? value : undefined
  }
  const list: unknown = record['transducers']
  const found: unknown = Array.isArray(list) ? list.find(one => nameOf(one) === transducer) : undefined
  if (typeof found !== 'object' || found === null || !('value' in found)) return 'absent'
  return typeof found.value === 'number' ? found.value : undefined
}

function nameOf(one: unknown): unknown {
  return typeof one === 'object' && one !== null && 'name' in one ? one.name : undefined
}
