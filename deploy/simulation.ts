/**
 * What stands in for a district's devices: the simulated sensors and trucks of a scenario, or a recording with the
 * same trucks. They speak the wires a real district speaks, to a house that runs.
 */
import type { Clock } from '@forewarn/runtime/clock'
import { type PlayOptions, type PlaySummary, playRecording } from '@forewarn/simulators/play-recording'
import type { Recording } from '@forewarn/simulators/recording'
import { startSimulatedDistrict } from '@forewarn/simulators/start'
import { startTrucks } from '@forewarn/simulators/trucks'
import type { DistrictFile } from './district-file.ts'
import type { House } from './house.ts'

export interface Simulation {
  stop(): Promise<void>
}

interface SimulationBase {
  readonly house: House
  readonly made: DistrictFile
  readonly clock: Clock
}

function brokerUrlOf(house: House): string {
  return `mqtt://127.0.0.1:${house.mqttPort}`
}

function passwordsOf(house: House): Map<string, string> {
  return new Map(Object.entries(house.secrets.gateways).map(([id, { password }]) => [id, password]))
}

function pushUrlOf(house: House): string {
  if (house.pushUrl === undefined) throw new Error('a simulation needs a house with an edge agent')
  return house.pushUrl
}

/** Starts the sensors and trucks of a scenario (simulators/scenarios). Rejects for a scenario that does not exist. */
export function startSimulation({
  house,
  made,
  clock,
  scenario,
  seed,
}: SimulationBase & { readonly scenario: string; readonly seed: number }): Promise<Simulation> {
  return startSimulatedDistrict({
    made,
    scenario,
    seed,
    clock,
    pushUrl: pushUrlOf(house),
    pushToken: house.secrets.pushToken,
    brokerUrl: brokerUrlOf(house),
    vehiclePasswords: passwordsOf(house),
  })
}

export interface StormPlay extends Simulation {
  /** Resolves when the last reading was taken by the edge agent. */
  readonly played: Promise<PlaySummary>
}

/** Plays a recording, with trucks that follow the house's orders. */
export function playStorm({
  house,
  made,
  clock,
  recording,
  ...play
}: SimulationBase & { readonly recording: Recording } & Pick<PlayOptions, 'onProgress' | 'signal'>): StormPlay {
  const trucks = startTrucks({
    districtId: made.district.id,
    units: made.district.units,
    brokerUrl: brokerUrlOf(house),
    passwords: passwordsOf(house),
    clock,
  })
  const played = playRecording({
    ...play,
    recording,
    clock,
    district: made.district,
    pushUrl: pushUrlOf(house),
    pushToken: house.secrets.pushToken,
  })
  return { played, stop: () => trucks.stop() }
}
