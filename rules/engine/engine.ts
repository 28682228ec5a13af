/**
 * The engine: readings in, episode events out. It has no clock and no files; live, replay, stories and backtests
 * drive the same one with `take` and `advance`. One rule that fails is set aside, the others go on.
 */
import type { District, Place } from '@forewarn/contracts/district'
import type { EpisodeEvent, Forecast } from '@forewarn/contracts/episode'
import type { Condition } from '@forewarn/contracts/level'
import type { Mode } from '@forewarn/contracts/mode'
import type { ReadingBatch } from '@forewarn/contracts/reading'
import type { EnsembleShape } from '../forecast/ensemble.ts'
import { Forecaster } from '../forecast/forecaster.ts'
import type { ModelFile } from '../forecast/model-file.ts'
import type { Rule } from '../language/rule.ts'
import { windowOn } from '../language/window.ts'
import { observe } from '../verification.ts'
import { type Binding, bindRules, type Cell, type Group } from './binding.ts'
import { Cells, rankOf } from './cells.ts'
import { type EpisodeFile, emptyFile, isEmptyFile, takeStanding, verify } from './episodes.ts'
import { evaluate } from './evaluate.ts'
import { LateRuns } from './late-runs.ts'
import { PlaceWindow } from './place-window.ts'
import { ReadingOrder } from './reading-order.ts'
import { lookingBack, type Scene, standingOf } from './standing.ts'

export interface EngineOptions {
  readonly district: District
  readonly rules: readonly Rule[]
  readonly model: ModelFile
  readonly mode: Mode
  /**
   * How much later than others of its gateway a reading may come and still count in order; each waits so long. 0, the
   * default, judges a reading the moment it arrives: only what overtakes within one sensor is late then.
   */
  readonly latenessMs?: number
  /** Silence counts from here at the earliest, UTC ms: nobody listened before. */
  readonly listenSinceMs: number
  readonly shape?: EnsembleShape
}

export interface Failing {
  readonly rule: string
  readonly trouble: string
}

const minuteMs = 60_000
/** A minute is looked at once its readings had time to arrive: half of them take three seconds, most less than ten. */
const minuteDelayMs = 10_000
/** After a longer gap the minutes in between are not caught up one by one. */
const longestCatchUpMin = 180
/** A forecast that has never had any rain reading is unknown once it should have had some. */
const firstRainWithinMs = 10 * minuteMs

export class Engine {
  readonly district: District
  readonly binding: Binding
  readonly cells: Cells
  readonly forecaster: Forecaster
  readonly order: ReadingOrder
  /** By sensor: time and value of its newest counted reading. */
  readonly lastAtMs: Float64Array
  readonly lastValue: Float64Array
  /** By group; only those about which something is open or to be verified. */
  readonly files = new Map<number, EpisodeFile>()
  nowMs = Number.NEGATIVE_INFINITY
  /** Readings taken, and how many of them came too late to count in order. */
  readonly figures = { readings: 0, late: 0, minutes: 0, minuteMsMax: 0 }
  readonly #rules: readonly Rule[]
  readonly window: PlaceWindow
  readonly #bound: Float64Array
  readonly #outcomeBound: Float64Array
  readonly #isTracking: Uint8Array
  readonly #isRain: Uint8Array
  readonly #isLevel: Uint8Array
  readonly #forecastCells: readonly number[]
  readonly #failing = new Map<number, string>()
  readonly #lateRuns = new LateRuns()
  readonly #mode: Mode
  readonly #latenessMs: number
  readonly #listenSinceMs: number
  #events: EpisodeEvent[] = []

  constructor({ district, rules, model, mode, latenessMs = 0, listenSinceMs, shape }: EngineOptions) {
    this.district = district
    this.#rules = rules
    this.#mode = mode
    this.#latenessMs = latenessMs
    this.#listenSinceMs = listenSinceMs
    const sensors = district.sensors.length
    this.lastAtMs = new Float64Array(sensors).fill(Number.NEGATIVE_INFINITY)
    this.lastValue = new Float64Array(sensors).fill(Number.NaN)
    this.forecaster = new Forecaster({
      district,
      model,
      placeIds: placesToForecast(district, rules),
      ...(shape === undefined ? {} : { shape }),
    })
    this.binding = bindRules(rules, district, new Set(this.forecaster.placeIds))
    this.cells = new Cells(this.binding.cells.length)
    this.#bound = Float64Array.from(this.binding.cells, ({ lowestBound }) => lowestBound)
    this.#forecastCells = this.binding.cells.flatMap(({ sensor }, cell) => (sensor < 0 ? [cell] : []))
    this.#outcomeBound = Float64Array.from(this.binding.outcomeGroup, group => this.#outcomeBoundOf(group))
    this.#isTracking = new Uint8Array(sensors)
    this.#isRain = Uint8Array.from(district.sensors, ({ quantity }) => (quantity === 'rain' ? 1 : 0))
    const levels = new Set(['water_depth', 'manhole_level'])
    this.#isLevel = Uint8Array.from(district.sensors, ({ quantity }) => (levels.has(quantity) ? 1 : 0))
    this.window = new PlaceWindow({
      district,
      rules,
      lastValue: this.lastValue,
      lastAtMs: this.lastAtMs,
      probability: (placeId, limit, horizonMs) => this.forecaster.probability(placeId, limit, horizonMs),
    })
    this.order = new ReadingOrder({ latenessMs, watched: this.#watched(), deliver: this.#deliver })
  }

  #outcomeBoundOf(group: number): number {
    const found = this.binding.groups[group]
    const when = found?.outcomeRule?.outcome?.when
    if (found === undefined || when?.lowerBound === undefined) return Number.NEGATIVE_INFINITY
    return when.lowerBound(windowOn(found.place, Number.NaN))
  }

  #watched(): Uint8Array {
    const { firstOfSensor, outcomeGroup } = this.binding
    return Uint8Array.from(this.district.sensors, ({ quantity }, sensor) => {
      const hasCells = (firstOfSensor[sensor + 1] ?? 0) > (firstOfSensor[sensor] ?? 0)
      return hasCells || (outcomeGroup[sensor] ?? -1) >= 0 || this.#isAskedFor(quantity) ? 1 : 0
    })
  }

  #isAskedFor(quantity: string): boolean {
    return this.#rules.some(({ levels, clear }) =>
      [...levels.map(({ when }) => when), clear.when].some(({ quantities }) => quantities.some(q => q === quantity)),
    )
  }

  /** Takes one batch from the journal. Time moves on to when it was received. */
  take(batch: ReadingBatch): void {
    this.advance(batch.receivedAtMs)
    this.figures.readings += batch.sensor.length
    this.#feedForecaster(batch)
    this.order.take(batch)
  }

  /** Rain and levels go to the forecaster as they come: it sorts them into minutes by itself. */
  #feedForecaster(batch: ReadingBatch): void {
    for (let row = 0; row < batch.sensor.length; row++) {
      const sensor = batch.sensor[row] ?? 0
      if (this.#isRain[sensor] !== 1 && this.#isLevel[sensor] !== 1) continue
      if (((batch.quality[row] ?? 0) & 0x0f) >= 2) continue
      const [atMs, value] = [batch.measuredAtMs[row] ?? 0, batch.value[row] ?? Number.NaN]
      if (Number.isNaN(value)) continue
      if (this.#isRain[sensor] === 1) this.forecaster.takeRain(sensor, atMs, value)
      else this.forecaster.takeLevel(this.district.sensors[sensor]?.place ?? '', atMs, value)
    }
  }

  /** Moves the house's time on: minutes that pass are forecast, silences noticed, warnings verified. */
  advance(nowMs: number): void {
    if (nowMs <= this.nowMs) return
    const nowMinute = Math.floor((nowMs - minuteDelayMs) / minuteMs)
    const lastMinute = Math.max(Math.floor((this.nowMs - minuteDelayMs) / minuteMs), nowMinute - longestCatchUpMin)
    const isFirst = this.nowMs === Number.NEGATIVE_INFINITY
    for (let minute = isFirst ? nowMinute : lastMinute + 1; minute <= nowMinute; minute++) {
      this.nowMs = Math.max(this.nowMs, minute * minuteMs + minuteDelayMs)
      this.order.release(this.nowMs)
      this.#minute(minute)
    }
    // Second by second is enough: a batch every millisecond must not look through all gateways.
    if (Math.floor(nowMs / 1000) > Math.floor(this.nowMs / 1000)) this.order.release(nowMs)
    this.nowMs = nowMs
  }

  /** Takes out what must be told since the last call, in order. */
  drain(): EpisodeEvent[] {
    const events = this.#events
    this.#events = []
    return events
  }

  get hasEvents(): boolean {
    return this.#events.length > 0
  }

  readonly #deliver = (sensor: number, atMs: number, value: number, quality: number): void => {
    const isDoubtful = (quality & 0x0f) === 1
    // Missing, maintenance and fault are no measurement, and do not count as having spoken.
    if ((quality & 0x0f) >= 2 || Number.isNaN(value)) return
    const last = this.lastAtMs[sensor] ?? Number.NEGATIVE_INFINITY
    if (atMs <= last) return atMs < last ? this.#late(sensor, atMs, value) : undefined
    this.lastAtMs[sensor] = atMs
    this.lastValue[sensor] = value
    this.window.take(sensor, atMs, value)
    const { firstOfSensor, sensorCells, outcomeGroup } = this.binding
    const group = outcomeGroup[sensor] ?? -1
    if (group >= 0) this.#observe(group, sensor, atMs, value)
    const until = firstOfSensor[sensor + 1] ?? 0
    for (let at = firstOfSensor[sensor] ?? 0; at < until; at++) {
      const cell = sensorCells[at] ?? 0
      if (value < (this.#bound[cell] ?? 0) && this.cells.isAtRest(cell) && this.cells.blind[cell] === 0) continue
      this.#stepAt(cell, atMs, value, isDoubtful)
    }
  }

  #stepAt(index: number, atMs: number, value: number, isDoubtful: boolean): void {
    const cell = this.binding.cells[index]
    if (cell === undefined || this.#failing.has(cell.ruleIndex)) return
    const couldNotSee = this.cells.blind[index] === 1
    if (couldNotSee && this.nowMs - atMs <= cell.silentAfterMs) this.cells.blind[index] = 0
    const verdict = this.#ask(cell, value, atMs)
    if (verdict === undefined) return
    const rank = rankOf(verdict.level)
    // A doubtful reading may warn (hold still wants a second one), and never clears.
    const seen = isDoubtful
      ? { rank: Math.max(rank, this.cells.level[index] ?? 0), clears: false }
      : { rank, clears: verdict.clears }
    const hasChanged = this.cells.step(index, seen, atMs, cell.times)
    if (hasChanged || couldNotSee || this.#isCatchingUp(cell)) this.#refresh(cell.group)
  }

  #isCatchingUp(cell: Cell): boolean {
    return this.files.get(cell.group)?.open?.retrospective === true
  }

  #ask(cell: Cell, value: number, atMs: number) {
    const place = this.district.places[cell.placeIndex]
    if (place === undefined) return undefined
    try {
      return evaluate(cell.rule, this.window.look(place, value, atMs))
    } catch (error) {
      // One bad rule must not stop the others; `/health` shows it until somebody puts it right.
      this.#failing.set(cell.ruleIndex, error instanceof Error ? error.message : String(error))
      return undefined
    }
  }

  /** A reading from before the sensor's newest: it may warn looking back, and never clears. */
  #late(sensor: number, atMs: number, value: number): void {
    this.figures.late += 1
    const { firstOfSensor, sensorCells, cells, groups } = this.binding
    const until = firstOfSensor[sensor + 1] ?? 0
    for (let at = firstOfSensor[sensor] ?? 0; at < until; at++) {
      const index = sensorCells[at] ?? 0
      const cell = cells[index]
      const verdict = cell && this.#ask(cell, value, atMs)
      const group = groups[cell?.group ?? -1]
      if (cell === undefined || verdict === undefined || group === undefined) continue
      const run = this.#lateRuns.take(index, { rank: rankOf(verdict.level), atMs, holdMs: cell.times.holdMs })
      if (run !== undefined) this.#lookBack(cell, group, run, { value, atMs })
    }
  }

  /** Tells of something that is over, or that the newer readings deny: raised, marked as looking back, and closed. */
  #lookBack(
    cell: Cell,
    group: Group,
    run: { condition: Condition; sinceMs: number },
    { value, atMs }: { value: number; atMs: number },
  ): void {
    const file = this.#fileOf(cell.group)
    if (file.open !== undefined || run.sinceMs <= file.lastEndedMs) return
    const sensor = this.district.sensors[cell.sensor]
    const reading = { sensor: sensor?.id ?? '', quantity: sensor?.quantity ?? '', value, measuredAtMs: atMs }
    const standing = lookingBack({ cell, group, ...run, reading })
    const now = { nowMs: this.nowMs, mode: this.#mode }
    this.#events.push(...takeStanding(file, standing, now))
    this.#refresh(cell.group)
  }

  #observe(group: number, sensor: number, atMs: number, value: number): void {
    if (value < (this.#outcomeBound[sensor] ?? 0) && this.#isTracking[sensor] === 0) return
    const found = this.binding.groups[group]
    const outcome = found?.outcomeRule?.outcome
    if (found === undefined || outcome === undefined) return
    const holds = outcome.when.holds(this.window.look(found.place, value, atMs))
    this.#isTracking[sensor] = holds ? 1 : 0
    observe(this.#fileOf(group).ledger, { sensor, atMs, value, holds, holdMs: outcome.holdMs })
  }

  #minute(minute: number): void {
    const startedMs = performance.now()
    this.forecaster.run(minute)
    for (const index of this.#forecastCells) this.#stepForecast(index, minute * minuteMs)
    this.#noticeSilence()
    this.#verify()
    this.figures.minutes += 1
    this.figures.minuteMsMax = Math.max(this.figures.minuteMsMax * 0.99, performance.now() - startedMs)
  }

  #stepForecast(index: number, atMs: number): void {
    const cell = this.binding.cells[index]
    const group = this.binding.groups[cell?.group ?? -1]
    if (cell === undefined || group === undefined || this.#failing.has(cell.ruleIndex)) return
    if (atMs % (cell.rule.forecast?.everyMs ?? minuteMs) !== 0) return
    const kind = this.forecaster.kindAt(group.place.id)
    const isBlind =
      kind === 'rain-stale' || (kind === 'not-yet' && this.nowMs - this.#listenSinceMs > firstRainWithinMs)
    this.cells.blind[index] = isBlind ? 1 : 0
    if (kind === 'foreseen' || kind === 'dry') {
      const verdict = this.#ask(cell, Number.NaN, atMs)
      if (verdict === undefined) return
      this.cells.step(index, { rank: rankOf(verdict.level), clears: verdict.clears }, atMs, cell.times)
    }
    this.#refresh(cell.group)
  }

  #noticeSilence(): void {
    const { cells } = this.binding
    for (let index = 0; index < cells.length; index++) {
      const cell = cells[index]
      if (cell === undefined || cell.sensor < 0 || this.cells.blind[index] === 1) continue
      const spokeMs = Math.max(this.lastAtMs[cell.sensor] ?? 0, this.#listenSinceMs)
      if (this.nowMs - spokeMs <= cell.silentAfterMs + this.#latenessMs) continue
      this.cells.blind[index] = 1
      this.#refresh(cell.group)
    }
  }

  #verify(): void {
    for (const [index, file] of this.files) {
      const group = this.binding.groups[index]
      const rule = group?.outcomeRule
      if (group !== undefined && rule !== undefined) {
        const isBlind = standingOf(this.scene, group)?.condition === 'unknown'
        const about = { place: group.place.id, hazard: group.hazard, rule, isBlind }
        this.#events.push(...verify(file, about, { nowMs: this.nowMs, mode: this.#mode }))
      }
      if (isEmptyFile(file) && this.nowMs - file.lastEndedMs > longestCatchUpMin * minuteMs) this.files.delete(index)
    }
  }

  #refresh(index: number): void {
    const group = this.binding.groups[index]
    const standing = group && standingOf(this.scene, group)
    if (standing === undefined) return
    if (standing.condition === 'none' && this.files.get(index)?.open === undefined) return
    const now = { nowMs: this.nowMs, mode: this.#mode }
    this.#events.push(...takeStanding(this.#fileOf(index), standing, now))
  }

  #fileOf(group: number): EpisodeFile {
    const known = this.files.get(group)
    if (known !== undefined) return known
    const made = emptyFile()
    this.files.set(group, made)
    return made
  }

  get scene(): Scene {
    return {
      district: this.district,
      binding: this.binding,
      cells: this.cells,
      lastValue: this.lastValue,
      lastAtMs: this.lastAtMs,
      forecastOf: (placeId, horizonMs): Forecast | undefined => this.forecaster.forecastOf(placeId, horizonMs),
      nowMs: this.nowMs,
    }
  }

  /** Condition of every place that a rule watches; a place of which nobody has spoken yet is unknown. */
  conditions(): { group: Group; condition: Condition }[] {
    return this.binding.groups.map(group => {
      const condition = standingOf(this.scene, group)?.condition ?? 'unknown'
      return { group, condition: condition === 'none' && !this.#hasSpoken(group) ? 'unknown' : condition }
    })
  }

  #hasSpoken(group: Group): boolean {
    return group.cells.some(index => {
      const sensor = this.binding.cells[index]?.sensor ?? -1
      if (sensor >= 0) return Number.isFinite(this.lastAtMs[sensor] ?? Number.NaN)
      return this.forecaster.kindAt(group.place.id) !== 'not-yet'
    })
  }

  /** Rules that threw, and are set aside. */
  failing(): Failing[] {
    return [...this.#failing].map(([index, trouble]) => ({ rule: this.#rules[index]?.name ?? '?', trouble }))
  }

  /** Sensors whose outcome condition is being tracked; called after a restore. */
  resumeTracking(): void {
    for (const { ledger } of this.files.values()) {
      for (const sensor of ledger.tracks.keys()) this.#isTracking[sensor] = 1
    }
  }
}

function placesToForecast(district: District, rules: readonly Rule[]): Set<string> {
  const forecasting = rules.filter(({ forecast }) => forecast !== undefined)
  const isAskedFor = (place: Place) =>
    forecasting.some(({ where }) => where?.holds(windowOn(place, Number.NaN)) ?? true)
  return new Set(district.places.filter(isAskedFor).map(({ id }) => id))
}
