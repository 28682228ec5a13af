/**
 * Old storms through today's rules: the sensors speak as they did, in order of arrival, and every warning and
 * probability is written down with the time it was said. The engine is the live one.
 */
import type { District, Place } from '@forewarn/contracts/district'
import type { EpisodeEvent } from '@forewarn/contracts/episode'
import type { ReadingBatch } from '@forewarn/contracts/reading'
import { Engine } from '../engine/engine.ts'
import type { Rule } from '../language/rule.ts'
import type { EnsembleShape } from './ensemble.ts'
import type { ModelFile } from './model-file.ts'
import type { SensorTrack, Storm } from './recordings.ts'

export interface IssuedProbability {
  readonly placeId: string
  readonly issuedAtMs: number
  readonly probability: number
}

export interface Hindcast {
  readonly events: EpisodeEvent[]
  readonly probabilities: IssuedProbability[]
}

export interface HindcastOptions {
  readonly rules: readonly Rule[]
  readonly model: ModelFile
  readonly limits: Readonly<Record<string, number>>
  /** Places under these limits are asked every five minutes for the chance of onset within this time. */
  readonly probabilityLimitM: number
  readonly probabilityWithinMin: number
  readonly shape?: EnsembleShape
}

const minuteMs = 60_000

/** One storm, from dry to dry. */
export function hindcast(storm: Storm, options: HindcastOptions): Hindcast {
  const district = districtOf(storm, options.limits)
  const engine = new Engine({
    district,
    rules: options.rules,
    model: options.model,
    mode: 'replay',
    listenSinceMs: storm.startMs,
    ...(options.shape === undefined ? {} : { shape: options.shape }),
  })
  const probabilities: IssuedProbability[] = []
  let nextAskMs = storm.startMs + 5 * minuteMs
  const ask = (untilMs: number) => {
    for (; nextAskMs <= untilMs; nextAskMs += 5 * minuteMs) {
      engine.advance(nextAskMs)
      const { probabilityLimitM, probabilityWithinMin } = options
      for (const placeId of engine.forecaster.placeIds) {
        const probability = engine.forecaster.probability(placeId, probabilityLimitM, probabilityWithinMin * minuteMs)
        if (!Number.isNaN(probability)) probabilities.push({ placeId, issuedAtMs: nextAskMs, probability })
      }
    }
  }
  for (const batch of batchesOf(storm)) {
    ask(batch.receivedAtMs)
    engine.take(batch)
  }
  const endMs = storm.startMs + storm.rainMmPerHour.length * minuteMs
  ask(endMs)
  engine.advance(endMs)
  return { events: engine.drain(), probabilities }
}

function districtOf(storm: Storm, limits: Readonly<Record<string, number>>): District {
  const position = { lon: 121.448, lat: 31.229, crs: 'WGS-84' } as const
  const place = (id: string): Place => ({
    id,
    kind: 'low-road',
    name: { zh: id, en: id },
    position,
    catchment: storm.catchment,
    limits: { ...limits },
    stagingPoints: [],
  })
  return {
    id: 'hindcast',
    name: { zh: '回放', en: 'hindcast' },
    timeZone: 'Asia/Shanghai',
    gateways: storm.tracks.map(({ name }) => ({ id: name, kind: 'field' })),
    places: [...storm.levelM.keys()].map(place),
    units: [],
    sensors: storm.tracks.map(track => {
      const common = { id: track.name, gateway: track.name, position, periodS: periodOf(track) }
      return isRain(track)
        ? { ...common, quantity: 'rain', catchment: storm.catchment }
        : { ...common, quantity: 'manhole_level', place: track.name.replace(/\.lvl_cm$/, '') }
    }),
  }
}

function isRain({ name }: SensorTrack): boolean {
  return name.endsWith('.rain_mm')
}

/** The usual time between two messages. */
function periodOf({ measuredMs }: SensorTrack): number {
  const gaps = measuredMs.slice(1, 60).map((ms, index) => ms - (measuredMs[index] ?? 0))
  const middle = gaps.sort((a, b) => a - b)[Math.floor(gaps.length / 2)] ?? minuteMs
  return Math.max(60, Math.round(middle / minuteMs) * 60)
}

function batchesOf(storm: Storm): ReadingBatch[] {
  const batches = storm.tracks.flatMap((track, sensor) =>
    track.measuredMs.map((measuredMs, at): ReadingBatch => {
      const value = track.value[at] ?? Number.NaN
      return {
        gateway: sensor,
        receivedAtMs: storm.startMs + (track.receivedMs[at] ?? measuredMs),
        sequence: -1,
        sensor: Uint32Array.of(sensor),
        measuredAtMs: Float64Array.of(storm.startMs + measuredMs),
        value: Float64Array.of(isRain(track) ? value : value / 100),
        quality: Uint8Array.of(0),
      }
    }),
  )
  return batches.sort((a, b) => a.receivedAtMs - b.receivedAtMs)
}

/** A warning as score programs read it. */
export interface IssuedWarningLine {
  readonly site: string
  readonly level: number
  readonly issued_at: number
  readonly event_expected_at: number | undefined
  readonly probability: number | undefined
  readonly cancelled_at: number | undefined
}

/** Levels of warning that count, mildest first excluded: 'yellow' takes yellow and worse, 'orange' only orange and worse. */
export type Tier = 'yellow' | 'orange'

/** Every telling of an episode at the tier is an issue; falling below the tier, or clearing, cancels what stands. */
export function warningLines(events: readonly EpisodeEvent[], tier: Tier, limitM: number): IssuedWarningLine[] {
  const lines: IssuedWarningLine[] = []
  const standing = new Map<string, IssuedWarningLine[]>()
  const cancel = (episodeId: string, atMs: number) => {
    for (const line of standing.get(episodeId) ?? []) lines.push({ ...line, cancelled_at: atMs })
    standing.delete(episodeId)
  }
  for (const event of events) {
    if (event.kind === 'verified') continue
    if (event.kind === 'cleared' || !isAt(event.level, tier)) {
      cancel(event.episodeId, event.atMs)
      continue
    }
    const line: IssuedWarningLine = {
      site: event.placeId,
      level: limitM,
      issued_at: event.atMs,
      event_expected_at: event.expectedAtMs === undefined ? undefined : Math.max(event.atMs, event.expectedAtMs.p50),
      probability: event.probability,
      cancelled_at: undefined,
    }
    standing.set(event.episodeId, [...(standing.get(event.episodeId) ?? []), line])
  }
  return [...lines, ...[...standing.values()].flat()]
}

function isAt(level: string, tier: Tier): boolean {
  return level === 'red' || level === 'orange' || (tier === 'yellow' && level === 'yellow')
}
