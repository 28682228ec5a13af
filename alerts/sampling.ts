/**
 * Adaptive sampling: while a warning stands, the sensors of its place and the gauges of its catchment are asked to
 * measure more often; rain gauges stay as they are. Looks at the warnings that are open, never at what happened, so that a restart changes
 * nothing: what is wanted is said again from time to time, and a gateway that hears nothing more goes back by itself.
 */
import type { District, Sensor } from '@forewarn/contracts/district'
import type { Command } from '@forewarn/contracts/gateway-messages'
import type { Mode } from '@forewarn/contracts/mode'
import type { Warning } from '@forewarn/contracts/warning'
import type { Clock } from '@forewarn/runtime/clock'
import type { Log } from '@forewarn/runtime/log'

/** Seconds between two measurements, by level of the warning. `unknown` asks for nothing: nobody answers there. */
const periodSOf: Readonly<Record<Warning['level'], number | undefined>> = {
  red: 5,
  orange: 5,
  yellow: 10,
  blue: 30,
  unknown: undefined,
}

/** A command holds for so long, and is said again well before. */
const holdsMs = 15 * 60_000
const repeatMs = 5 * 60_000
const lookEveryMs = 60_000
const leastLookWallMs = 500

export type SampleCommand = Extract<Command, { kind: 'sample' }>

/** Seconds by sensor, by gateway. */
export type WantedSampling = ReadonlyMap<string, ReadonlyMap<string, number>>

/** Who should measure how often for these warnings. Pure. A drill asks no real gateway for anything. */
export function wantedSampling(
  sensors: SensorsOfPlaces,
  warnings: readonly Pick<Warning, 'placeId' | 'level' | 'mode' | 'clearedAtMs'>[],
  house: Mode,
): WantedSampling {
  const wanted = new Map<string, Map<string, number>>()
  for (const { placeId, level, mode, clearedAtMs } of warnings) {
    const periodS = periodSOf[level]
    if (periodS === undefined || clearedAtMs !== undefined || (house === 'actual' && mode !== 'actual')) continue
    for (const { id, gateway, periodS: usualS } of sensors.get(placeId) ?? []) {
      if (usualS <= periodS) continue
      const ofGateway = wanted.get(gateway) ?? new Map<string, number>()
      ofGateway.set(id, Math.min(periodS, ofGateway.get(id) ?? periodS))
      wanted.set(gateway, ofGateway)
    }
  }
  return wanted
}

/** By place: its own sensors, and the gauges of its catchment, as far as they measure how things stand. */
export type SensorsOfPlaces = ReadonlyMap<string, readonly Sensor[]>

/**
 * A rain gauge tells the millimetres since it last spoke, and forecasts and rules count them by its period: asked
 * more often it would seem to rain less. A minute is short enough for all of them.
 */
function tellsAmounts({ quantity }: Sensor): boolean {
  return quantity === 'rain'
}

/** By place: its own sensors and the gauges of its catchment, less those that tell amounts. */
export function sensorsOfPlaces({ places, sensors: all }: District): SensorsOfPlaces {
  const sensors = all.filter(sensor => !tellsAmounts(sensor))
  const byPlace = Map.groupBy(sensors, ({ place }) => place)
  const byCatchment = Map.groupBy(sensors, ({ catchment }) => catchment)
  const of = ({ id, catchment }: District['places'][number]) => {
    const gauges = catchment === undefined ? [] : (byCatchment.get(catchment) ?? [])
    return [...new Set([...(byPlace.get(id) ?? []), ...gauges])]
  }
  return new Map(places.map(place => [place.id, of(place)]))
}

export interface SamplingOptions {
  readonly district: District
  readonly openWarnings: () => Promise<readonly Pick<Warning, 'placeId' | 'level' | 'mode' | 'clearedAtMs'>[]>
  /** Resolves at the broker's PUBACK. */
  readonly send: (gateway: string, command: SampleCommand) => Promise<void>
  readonly mode: Mode
  readonly clock: Clock
  readonly log: Log
}

export interface Sampling {
  /** Warnings may have changed. */
  wake(): void
  stop(): Promise<void>
}

interface Said {
  readonly periodS: number
  readonly atMs: number
}

/** Tells gateways which sensors to measure more often while warnings are open. */
export function openSampling(options: SamplingOptions): Sampling {
  const { district, openWarnings, mode, clock, log } = options
  const sensors = sensorsOfPlaces(district)
  const said = new Map<string, Map<string, Said>>()
  let looking: Promise<void> | undefined
  let again = false
  let stopped = false
  const look = async () => {
    do {
      again = false
      const wanted = wantedSampling(sensors, await openWarnings(), mode)
      for (const gateway of new Set([...wanted.keys(), ...said.keys()])) {
        await sayTo(gateway, { options, wanted: wanted.get(gateway) ?? new Map(), said })
      }
    } while (again && !stopped)
  }
  const wake = () => {
    again = true
    if (looking !== undefined || stopped) return
    looking = look()
      .catch((error: unknown) => log.warn('sampling-not-asked', { reason: String(error) }))
      .finally(() => {
        looking = undefined
      })
  }
  const cancel = clock.every(Math.max(lookEveryMs, leastLookWallMs * clock.speed), wake)
  wake()
  return {
    wake,
    async stop() {
      stopped = true
      cancel()
      await looking
    },
  }
}

interface Saying {
  readonly options: SamplingOptions
  readonly wanted: ReadonlyMap<string, number>
  readonly said: Map<string, Map<string, Said>>
}

/** Says what is new to a gateway, what is due to be said again, and what is not wanted any more. */
async function sayTo(gateway: string, { options, wanted, said }: Saying): Promise<void> {
  const { clock, send, log } = options
  const nowMs = clock.nowMs()
  const before = said.get(gateway) ?? new Map<string, Said>()
  const due = [...wanted].filter(([sensor, periodS]) => isDue(before.get(sensor), { periodS, nowMs }))
  const over = [...before.keys()].filter(sensor => !wanted.has(sensor))
  const groups = Map.groupBy(due, ([, periodS]) => periodS)
  const after = new Map(before)
  for (const [periodS, group] of groups) {
    const named = group.map(([sensor]) => sensor)
    await send(gateway, commandOf({ gateway, sensors: named, periodS, nowMs, untilMs: nowMs + holdsMs }))
    for (const sensor of named) after.set(sensor, { periodS, atMs: nowMs })
  }
  if (over.length > 0) {
    await send(gateway, commandOf({ gateway, sensors: over, periodS: null, nowMs, untilMs: nowMs }))
    for (const sensor of over) after.delete(sensor)
  }
  if (after.size > 0) said.set(gateway, after)
  else said.delete(gateway)
  if (due.length + over.length > 0) log.info('sampling-asked', { gateway, faster: due.length, asUsual: over.length })
}

function isDue(before: Said | undefined, { periodS, nowMs }: { periodS: number; nowMs: number }): boolean {
  return before === undefined || before.periodS !== periodS || nowMs - before.atMs >= repeatMs
}

function commandOf({
  gateway,
  nowMs,
  ...what
}: Pick<SampleCommand, 'sensors' | 'periodS' | 'untilMs'> & { gateway: string; nowMs: number }): SampleCommand {
  return { kind: 'sample', id: `sample.${gateway}.${Math.round(nowMs)}.${what.periodS ?? 'usual'}`, ...what }
}
