/**
 * `npm start`: a house from settings, with the simulated district unless a real one is named.
 */
import { join } from 'node:path'
import { liveClock } from '@forewarn/runtime/clock'
import { openLog } from '@forewarn/runtime/log'
import { createMetrics } from '@forewarn/runtime/metrics'
import type { Settings } from '@forewarn/runtime/settings'
import { makeDistrict } from '@forewarn/simulators/make-district'
import { readScenario, ScenarioError } from '@forewarn/simulators/scenario'
import { noteRunning, noteStopped, takeDataDir } from './data-dir.ts'
import { type DistrictFile, readDistrictFile } from './district-file.ts'
import { serversOf } from './district-servers.ts'
import { frontBrokerOf, mappingsOf } from './front-broker.ts'
import { type House, startHouse } from './house.ts'
import type { HouseOptions } from './house-options.ts'
import { mqttOptionsOf } from './mqtt-options.ts'
import { initialPasswordFile } from './secrets.ts'
import { type Simulation, startSimulation } from './simulation.ts'
import { StartError } from './start-error.ts'

export interface StartedHouse {
  readonly house: House
  readonly made: DistrictFile
  readonly dataDir: string
  readonly logFile: string
  readonly passwordFile: string
  /** The scenario that runs, if the district is simulated. */
  readonly scenario: string | undefined
  /** Stops everything in order; resolves with the names of parts that did not stop in time. */
  stop(): Promise<string[]>
}

/**
 * Starts a house from settings and, unless `district` names a real one or `scenario` is `none`, the simulated
 * district around it. Throws StartError for what a person can mend: one line, exit code 2.
 */
export async function startFromSettings(
  settings: Settings,
  { onStep = () => {} }: { onStep?: (step: string) => void } = {},
): Promise<StartedHouse> {
  const dataDir = await takeDataDir(settings.dataDir)
  const made =
    settings.district === undefined ? makeDistrict({ seed: settings.seed }) : await readDistrictFile(settings.district)
  const simulated = settings.district === undefined
  const mqtt = mqttOptionsOf(settings, { simulated })
  const scenario = simulated && settings.scenario !== 'none' ? settings.scenario : undefined
  if (scenario !== undefined) await checkScenario(scenario)
  const logFile = join(dataDir, 'logs', 'forewarn.log')
  const options: HouseOptions = {
    ...serversOf(settings),
    frontBroker: frontBrokerOf(settings),
    mappings: mappingsOf(settings),
    ...made,
    dataDir,
    host: settings.host,
    mqttPort: settings.mqttPort,
    mqtt,
    httpPort: settings.httpPort,
    rulesDir: settings.rulesDir,
    mode: simulated ? 'exercise' : 'actual',
    clock: liveClock(),
    log: openLog({ level: settings.logLevel, file: logFile }),
    metrics: createMetrics({ withProcess: true }),
    withEdgeAgent: scenario !== undefined,
    officerPassword: settings.officerPassword,
    onStep,
  }
  const house = await startHouse(options)
  const simulation = await startSimulationOrStop({ house, options, made, scenario, seed: settings.seed })
  await noteRunning(dataDir, {
    pid: process.pid,
    districtId: made.district.id,
    mode: options.mode,
    mqttHost: settings.host,
    mqttPort: house.mqttPort,
    consoleUrl: house.consoleUrl,
    innerUrl: house.innerUrl,
    ingestUrl: house.ingestUrl,
    brokerUrl: house.brokerUrl,
  })
  return {
    house,
    made,
    dataDir,
    logFile,
    passwordFile: initialPasswordFile(dataDir),
    scenario,
    stop: async () => {
      await simulation?.stop()
      const failed = await house.stop()
      await noteStopped(dataDir)
      return failed
    },
  }
}

/** A scenario that does not exist is told before anything is started. */
async function checkScenario(scenario: string): Promise<void> {
  try {
    await readScenario(scenario)
  } catch (cause) {
    if (cause instanceof ScenarioError) throw new StartError('bad-scenario', cause.message, { cause })
    throw cause
  }
}

interface SimulationStart {
  readonly house: House
  readonly options: HouseOptions
  readonly made: DistrictFile
  readonly scenario: string | undefined
  readonly seed: number
}

async function startSimulationOrStop({
  house,
  options,
  made,
  scenario,
  seed,
}: SimulationStart): Promise<Simulation | undefined> {
  if (scenario === undefined) return undefined
  options.onStep?.('simulated district')
  try {
    return await startSimulation({ house, made, scenario, seed, clock: options.clock })
  } catch (error) {
    await house.stop()
    throw error
  }
}
