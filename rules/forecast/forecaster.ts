/**
 * The live forecast: takes rain and levels as they come, and looks two hours ahead for every place once a minute.
 * Knows nothing of rules; rules ask it for probabilities.
 */
import type { District, Place } from '@forewarn/contracts/district'
import type { Forecast } from '@forewarn/contracts/episode'
import { CatchmentRain, type CatchmentRainState } from './catchment-rain.ts'
import { defaultShape, drawEnsemble, type Ensemble, type EnsembleShape, paceAt } from './ensemble.ts'
import { describeForecast } from './explanation.ts'
import { chanceWithin, type Foresight, foresee } from './foresee.ts'
import { LevelMemory, type LevelMemoryState } from './level-memory.ts'
import { type ModelFile, type PlaceParameters, parametersFor } from './model-file.ts'
import { emptyReservoir, isDry, nudgeTowards, type ReservoirState, runMinute } from './reservoir.ts'

/** Minutes younger than this may still get readings: they are run again next minute. */
const settleMin = 2
/** The rain "now" is the mean of so many minutes: one tip of a gauge in one minute is already 12 mm/h. */
const rainNowMin = 6
const minuteMs = 60_000

export type OutlookKind = 'foreseen' | 'dry' | 'rain-stale' | 'not-yet'

interface PlaceModel {
  readonly place: Place
  readonly model: PlaceParameters
  readonly rain: CatchmentRain
  readonly levels: LevelMemory
  /** Run up to `settledMinute`, for good. */
  readonly settled: ReservoirState
  settledMinute: number
  /** Run up to the newest minute, from what is known of it so far. */
  now: ReservoirState
  limits: number[]
  kind: OutlookKind
  foresight: Foresight | undefined
  rainNowMmPerHour: number
}

export interface ForecasterOptions {
  readonly district: District
  readonly model: ModelFile
  /** Places to look ahead for. */
  readonly placeIds: ReadonlySet<string>
  readonly shape?: EnsembleShape
}

interface PlaceState {
  readonly settled: ReservoirState
  readonly settledMinute: number
  readonly levels: LevelMemoryState
}

/** What is kept over a restart. */
export interface ForecasterState {
  readonly minute: number
  readonly catchments: Readonly<Record<string, CatchmentRainState>>
  readonly places: Readonly<Record<string, PlaceState>>
}

export class Forecaster {
  readonly #model: ModelFile
  readonly #ensemble: Ensemble
  readonly #rainOf = new Map<string, CatchmentRain>()
  readonly #gauges = new Map<number, { rain: CatchmentRain; gauge: number; periodS: number }>()
  readonly #places = new Map<string, PlaceModel>()
  #minute = Number.NEGATIVE_INFINITY

  constructor({ district, model, placeIds, shape = defaultShape }: ForecasterOptions) {
    this.#model = model
    this.#ensemble = drawEnsemble(shape)
    this.#addGauges(district)
    for (const place of district.places) if (placeIds.has(place.id)) this.#addPlace(place)
  }

  #addGauges(district: District): void {
    const byCatchment = Map.groupBy(
      district.sensors.map((sensor, index) => ({ sensor, index })).filter(({ sensor }) => sensor.quantity === 'rain'),
      ({ sensor }) => sensor.catchment ?? district.places.find(({ id }) => id === sensor.place)?.catchment,
    )
    for (const [catchment, gauges] of byCatchment) {
      if (catchment === undefined) continue
      const rain = new CatchmentRain(gauges.length)
      this.#rainOf.set(catchment, rain)
      for (const [gauge, { sensor, index }] of gauges.entries()) {
        this.#gauges.set(index, { rain, gauge, periodS: sensor.periodS })
      }
    }
  }

  #addPlace(place: Place): void {
    const model = parametersFor(this.#model, place)
    const rain = place.catchment === undefined ? undefined : this.#rainOf.get(place.catchment)
    if (model === undefined || rain === undefined) return
    this.#places.set(place.id, {
      place,
      model,
      rain,
      levels: new LevelMemory(),
      settled: emptyReservoir(),
      settledMinute: Number.NEGATIVE_INFINITY,
      now: emptyReservoir(),
      limits: limitsOf(place),
      kind: 'not-yet',
      foresight: undefined,
      rainNowMmPerHour: 0,
    })
  }

  /** Places that have a model and gauges: only these can be asked for. */
  get placeIds(): Iterable<string> {
    return this.#places.keys()
  }

  /** A gauge's reading, mm in its period. Others than gauges of a catchment are passed over. */
  takeRain(sensor: number, measuredAtMs: number, mm: number): void {
    const known = this.#gauges.get(sensor)
    known?.rain.take({ gauge: known.gauge, measuredAtMs, mm, periodS: known.periodS })
  }

  /** A level at a place, m relative to the road. */
  takeLevel(placeId: string, measuredAtMs: number, levelM: number): void {
    this.#places.get(placeId)?.levels.take(measuredAtMs, levelM)
  }

  /** Looks ahead from the end of this minute (UTC ms / 60 000). A minute that was already run is not run again. */
  run(minute: number): void {
    if (minute <= this.#minute) return
    this.#minute = minute
    for (const place of this.#places.values()) this.#runPlace(place, minute)
  }

  #runPlace(place: PlaceModel, minute: number): void {
    if (place.rain.newestMinute === Number.NEGATIVE_INFINITY) return
    settle(place, minute - settleMin)
    place.now = { ...place.settled }
    advance(place, place.now, { afterMinute: place.settledMinute, toMinute: minute })
    place.rainNowMmPerHour = place.rain.meanBefore(minute + 1, rainNowMin)
    place.foresight = undefined
    if (place.rain.isStale(minute)) place.kind = 'rain-stale'
    else if (place.rainNowMmPerHour <= 0 && isDry(place.now)) place.kind = 'dry'
    else {
      place.kind = 'foreseen'
      place.foresight = this.#foresee(place)
    }
  }

  #foresee(place: PlaceModel): Foresight {
    return foresee({
      parameters: place.model.parameters,
      state: place.now,
      rainMmPerHour: place.rainNowMmPerHour,
      members: this.#ensemble.members,
      factor: this.#ensemble.factor,
      pace: paceAt(this.#ensemble.shape, place.rainNowMmPerHour),
      limits: place.limits,
    })
  }

  /** What is known of the place's future; undefined for a place without a model. */
  kindAt(placeId: string): OutlookKind | undefined {
    return this.#places.get(placeId)?.kind
  }

  /** Chance of standing at `limitM` within the horizon; NaN when nobody can say. */
  probability(placeId: string, limitM: number, horizonMs: number): number {
    const place = this.#places.get(placeId)
    if (place === undefined || place.kind === 'not-yet' || place.kind === 'rain-stale') return Number.NaN
    if (place.kind === 'dry') return 0
    if (!place.limits.includes(limitM)) {
      place.limits = [...place.limits, limitM].sort((a, b) => a - b)
      place.foresight = this.#foresee(place)
    }
    const crossing = place.foresight?.crossings.find(({ limit }) => limit === limitM)
    return crossing === undefined ? Number.NaN : chanceWithin(crossing, this.#ensemble.members, horizonMs / minuteMs)
  }

  /** The whole forecast as it goes on the wire; undefined while there is none. */
  forecastOf(placeId: string, horizonMs: number): Forecast | undefined {
    const place = this.#places.get(placeId)
    if (place === undefined || place.kind === 'not-yet') return undefined
    return describeForecast({
      place: place.place,
      parameters: place.model,
      modelVersion: this.#model.modelVersion,
      minute: this.#minute,
      rainUntilMinute: place.rain.newestMinute,
      rainNowMmPerHour: place.rainNowMmPerHour,
      rainHalfHourMm: place.rain.sumUntil(this.#minute, 30),
      state: place.now,
      stale: place.kind === 'rain-stale',
      foresight: place.foresight,
      limits: place.limits,
      horizonMin: horizonMs / minuteMs,
    })
  }

  state(): ForecasterState {
    return {
      minute: this.#minute,
      catchments: Object.fromEntries([...this.#rainOf].map(([id, rain]) => [id, rain.state()])),
      places: Object.fromEntries(
        [...this.#places].map(([id, { settled, settledMinute, levels }]) => [
          id,
          { settled: { ...settled }, settledMinute, levels: levels.state() },
        ]),
      ),
    }
  }

  /** Goes on from a kept state; places and catchments that are no longer there are left out. */
  restore(state: ForecasterState): void {
    for (const [id, rain] of Object.entries(state.catchments)) this.#rainOf.get(id)?.restore(rain)
    for (const [id, { settledMinute, settled, levels }] of Object.entries(state.places)) {
      const place = this.#places.get(id)
      if (place === undefined) continue
      Object.assign(place.settled, settled)
      place.settledMinute = settledMinute
      place.levels.restore(levels)
    }
    // The kept minute is run once more, so that its outlook is there to be asked for.
    this.run(state.minute)
  }
}

/** Longer than this the reservoirs remember nothing: start from empty instead of running through the gap. */
const memoryMin = 200

function settle(place: PlaceModel, toMinute: number): void {
  if (toMinute - place.settledMinute > memoryMin) {
    Object.assign(place.settled, emptyReservoir())
    place.settledMinute = toMinute - memoryMin
  }
  if (toMinute <= place.settledMinute) return
  advance(place, place.settled, { afterMinute: place.settledMinute, toMinute })
  place.settledMinute = toMinute
}

function advance(
  place: PlaceModel,
  state: ReservoirState,
  { afterMinute, toMinute }: { afterMinute: number; toMinute: number },
): void {
  const { parameters } = place.model
  for (let minute = afterMinute + 1; minute <= toMinute; minute++) {
    runMinute(state, parameters, place.rain.filledAt(minute))
    const levelM = place.levels.at(minute)
    if (!Number.isNaN(levelM)) nudgeTowards(state, parameters, levelM)
  }
}

function limitsOf(place: Place): number[] {
  return [...new Set(Object.values(place.limits))].filter(limit => limit > 0).sort((a, b) => a - b)
}
