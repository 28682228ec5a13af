/**
 * Starts the simulated district: every sensor speaks at its period, through its gateway's pushes to the edge agent;
 * every truck listens on its own MQTT connection. Nothing here is imported by the house: they meet on the wires.
 */
import type { District, Sensor } from '@forewarn/contracts/district'
import type { SenmlReading } from '@forewarn/contracts/senml'
import { hash } from './chance.ts'
import { type Pace, pacedMs } from './pace.ts'
import { type Pusher, type PusherFigures, startPusher } from './pusher.ts'
import { readScenario, type Trouble } from './scenario.ts'
import { type SensorValue, sensorValues } from './sensor-values.ts'
import { tellStorms } from './storm-tale.ts'
import { startTrucks } from './trucks.ts'

export interface SimulatedDistrictOptions {
  readonly made: { readonly district: District }
  /** Name of a shipped scenario, or a scenario file. */
  readonly scenario: string
  readonly clock: Pace
  /** Base of the edge agent's push source. */
  readonly pushUrl: string
  readonly pushToken: string
  readonly brokerUrl: string
  /** By vehicle gateway id. */
  readonly vehiclePasswords: ReadonlyMap<string, string>
  readonly seed: number
}

export interface SimulatedDistrict {
  figures(): PusherFigures
  stop(): Promise<void>
}

/** How much of the past is told at the start, so that forecasts know what fell. */
const historyMs = 60 * 60_000
/** Sensors that were silent for longer (a machine that slept) go on from now. */
const catchUpPeriods = 10
/** Water deeper than this is worth pumping. */
const wetM = 0.02

/** Resolves once the sensors speak. Throws ScenarioError or RecordingError for a scenario that cannot be used. */
export async function startSimulatedDistrict(options: SimulatedDistrictOptions): Promise<SimulatedDistrict> {
  const { clock, brokerUrl, vehiclePasswords, seed } = options
  const { district } = options.made
  const scenario = readScenario(options.scenario)
  const startMs = clock.nowMs()
  const tale = await tellStorms(scenario.storms, { startMs })
  const valueOf = sensorValues({ district, tale, troubles: scenario.troubles, startMs })
  const pusher = startPusher({ ...options, onPace: (sensors, samplingS) => setPace(voiceById, sensors, samplingS) })
  const voices = district.sensors.map(sensor => voiceOf(sensor, { value: valueOf(sensor), startMs, seed }))
  const voiceById = new Map(voices.map(voice => [voice.sensor.id, voice]))
  const gateways = gatewayCuts(scenario.troubles, startMs)
  pushByGateway(pusher, voices, voice => pastOf(voice, startMs), { backlog: true })
  const cancel = clock.every(pacedMs(clock, { houseMs: 1000, leastWallMs: 200 }), () => {
    const nowMs = clock.nowMs()
    gateways.speakAgain(pusher, nowMs)
    pushByGateway(pusher, voices, voice => gateways.let(voice, dueOf(voice, nowMs)))
  })
  const placeById = new Map(district.places.map(place => [place.id, place]))
  const trucks = startTrucks({
    districtId: district.id,
    units: district.units,
    brokerUrl,
    passwords: vehiclePasswords,
    clock,
    // Where no water is measured there is work as soon as somebody is there.
    isWet: (placeId, atMs) => {
      const place = placeById.get(placeId)
      const floods = place?.limits['flooded'] !== undefined
      return !floods || tale.levelM({ placeId, catchment: place.catchment }, atMs) > wetM
    },
  })
  return {
    figures: () => pusher.figures(),
    stop: async () => {
      cancel()
      pusher.stop()
      await trucks.stop()
    },
  }
}

/** A sensor that speaks. */
interface Voice {
  readonly sensor: Sensor
  readonly value: SensorValue
  /** As in the registry. */
  readonly usualMs: number
  /** As the house wants it now. */
  periodMs: number
  nextMs: number
}

function voiceOf(
  sensor: Sensor,
  { value, startMs, seed }: { value: SensorValue; startMs: number; seed: number },
): Voice {
  const periodMs = sensor.periodS * 1000
  // In steps of five seconds, so that a gateway has something to batch.
  const phaseMs = (hash(`${seed}/${sensor.id}`) % Math.max(1, periodMs / 5000)) * 5000
  const nextMs = Math.floor((startMs - phaseMs) / periodMs) * periodMs + phaseMs + periodMs
  return { sensor, value, usualMs: periodMs, periodMs, nextMs: Math.round(nextMs) }
}

function reading({ sensor, value }: Voice, timeMs: number): SenmlReading {
  return { name: sensor.id, timeMs, value: value(timeMs) }
}

/** The last hour of rain and water, and the last word of everything else. */
function pastOf(voice: Voice, startMs: number): SenmlReading[] {
  const { quantity } = voice.sensor
  const telling = quantity === 'rain' || quantity === 'water_depth' || quantity === 'manhole_level'
  const readings: SenmlReading[] = []
  for (let atMs = voice.nextMs - voice.periodMs; atMs > startMs - historyMs; atMs -= voice.periodMs) {
    readings.unshift(reading(voice, atMs))
    if (!telling) break
  }
  return readings
}

/** What a sensor has to say by now. */
function dueOf(voice: Voice, nowMs: number): SenmlReading[] {
  const late = Math.floor((nowMs - voice.nextMs) / voice.periodMs)
  if (late * voice.periodMs > catchUpPeriods * voice.usualMs) voice.nextMs += late * voice.periodMs
  const readings: SenmlReading[] = []
  for (; voice.nextMs <= nowMs; voice.nextMs += voice.periodMs) readings.push(reading(voice, voice.nextMs))
  return readings
}

/** Measures these sensors as often as is wished, and as usual where nothing is. Rain gauges are never asked. */
function setPace(
  voices: ReadonlyMap<string, Voice>,
  sensors: Iterable<string>,
  samplingS: ReadonlyMap<string, number>,
): void {
  for (const id of sensors) {
    const voice = voices.get(id)
    if (voice === undefined) continue
    const periodMs = Math.min(voice.usualMs, (samplingS.get(id) ?? Number.POSITIVE_INFINITY) * 1000)
    if (periodMs === voice.periodMs) continue
    voice.nextMs += periodMs - voice.periodMs
    voice.periodMs = periodMs
  }
}

function pushByGateway(
  pusher: Pusher,
  voices: readonly Voice[],
  readingsOf: (voice: Voice) => readonly SenmlReading[],
  options: { backlog?: boolean } = {},
): void {
  const packs = new Map<string, SenmlReading[]>()
  for (const voice of voices) {
    const readings = readingsOf(voice)
    if (readings.length === 0) continue
    const pack = packs.get(voice.sensor.gateway)
    if (pack === undefined) packs.set(voice.sensor.gateway, [...readings])
    else pack.push(...readings)
  }
  for (const [gateway, readings] of packs) pusher.add(gateway, readings, options)
}

/** Gateways that reach nobody for a while: they hold what their sensors say and tell it afterwards. */
function gatewayCuts(troubles: readonly Trouble[], startMs: number) {
  const cuts = troubles
    .filter(trouble => trouble.kind === 'gateway-cut')
    .map(({ gateway, afterMin, forMin }) => {
      const fromMs = startMs + afterMin * 60_000
      return { gateway, fromMs, toMs: fromMs + forMin * 60_000, held: new Array<SenmlReading>() }
    })
  return {
    /** What goes out now. */
    let: ({ sensor }: Voice, readings: readonly SenmlReading[]) =>
      readings.filter(one => {
        const cut = cuts.find(
          ({ gateway, fromMs, toMs }) => gateway === sensor.gateway && one.timeMs >= fromMs && one.timeMs < toMs,
        )
        cut?.held.push(one)
        return cut === undefined
      }),
    /** Tells what gateways held that can speak again. */
    speakAgain: (pusher: Pusher, nowMs: number) => {
      for (const { gateway, toMs, held } of cuts) {
        if (nowMs >= toMs && held.length > 0) pusher.add(gateway, held.splice(0), { backlog: true })
      }
    },
  }
}
