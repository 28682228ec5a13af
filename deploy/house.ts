/**
 * The whole house in one process, on embedded parts or on servers: started in the order in which readings flow,
 * stopped the other way round. `npm start`, `forewarn play` and the acceptance tests all start this.
 */
import type { District } from '@forewarn/contracts/district'
import type { MapLayers, RoadGraph } from '@forewarn/contracts/geography'
import type { Mode } from '@forewarn/contracts/mode'
import type { Clock } from '@forewarn/runtime/clock'
import type { Log } from '@forewarn/runtime/log'
import type { Metrics } from '@forewarn/runtime/metrics'
import { type OrderlyStop, orderlyStop } from '@forewarn/runtime/orderly-stop'
import type { QueueBackend } from '@forewarn/runtime/queue'
import type { InfluxStoreOptions } from '@forewarn/store/influx'
import type { ReadingStore } from '@forewarn/store/reading-store'
import {
  officerName,
  openPostgres,
  openStore,
  type Site,
  startAgent,
  startDecisions,
  startIntake,
  startPage,
} from './house-parts.ts'
import { keepOfficerPassword, keepSecrets, type Secrets } from './secrets.ts'

export interface HouseOptions {
  /** Taken before with `takeDataDir`. */
  readonly dataDir: string
  readonly host: string
  /** 0 takes a free one, as for every port here. */
  readonly mqttPort: number
  readonly httpPort: number
  readonly district: District
  readonly mapLayers: MapLayers
  readonly roadGraph: RoadGraph
  readonly mode: Mode
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  /** With an edge agent for the district's field gateways: for simulations and replays. */
  readonly withEdgeAgent: boolean
  /** Between the edge agent and the broker: given the broker's port, the port to use instead. Tests cut the uplink there. */
  readonly uplinkThrough?: ((mqttPort: number) => Promise<number>) | undefined
  readonly rulesDir?: string | undefined
  readonly redisUrl?: string | undefined
  readonly postgresUrl?: string | undefined
  readonly influx?: Omit<InfluxStoreOptions, 'sensors'> | undefined
  readonly journalMaxBytes?: number | undefined
  readonly retentionDays?: number | undefined
  readonly officerPassword?: string | undefined
  /** Told, in a few words, what is being started. */
  readonly onStep?: ((step: string) => void) | undefined
}

export interface House {
  readonly consoleUrl: string
  readonly mqttPort: number
  readonly alertsUrl: string
  readonly rulesUrl: string
  readonly ingestUrl: string
  /** Where devices of the simulation push their readings; undefined without an edge agent. */
  readonly pushUrl: string | undefined
  readonly store: ReadingStore
  readonly secrets: Secrets
  readonly officer: { readonly name: string; readonly password: string; readonly made: boolean }
  /** Stops everything in order; resolves with the names of parts that did not stop in time. */
  stop(): Promise<string[]>
}

/**
 * Starts the house and resolves once every part answers. When a part cannot start, the ones before it are stopped
 * again and the error goes to the caller: StartError for what a person can mend.
 */
export async function startHouse(options: HouseOptions): Promise<House> {
  const stopping = orderlyStop({ log: options.log })
  try {
    return await build(options, stopping)
  } catch (error) {
    await stopping.stop()
    throw error
  }
}

async function build(options: HouseOptions, stopping: OrderlyStop): Promise<House> {
  const { district, dataDir, onStep = () => {} } = options
  const secrets = await keepSecrets(
    dataDir,
    district.gateways.map(gateway => gateway.id),
  )
  const officer = await keepOfficerPassword(dataDir, options.officerPassword)
  const site: Site = { options, secrets, stopping }
  onStep('store and queue')
  const [store, postgres] = await Promise.all([openStore(site), openPostgres(site)])
  onStep('broker and ingest')
  const intake = await startIntake(site, store)
  onStep('rules and alerts')
  const queue: QueueBackend =
    options.redisUrl === undefined ? { kind: 'postgres', url: postgres } : { kind: 'redis', url: options.redisUrl }
  const decisions = await startDecisions(site, { queue, postgres, intake })
  onStep('console')
  const page = await startPage(site, {
    store,
    password: officer.password,
    urls: { ...decisions, ingestUrl: intake.ingestUrl },
  })
  const pushUrl = options.withEdgeAgent ? await startAgent(site, intake.mqttPort) : undefined
  return {
    consoleUrl: page.url,
    mqttPort: intake.mqttPort,
    ingestUrl: intake.ingestUrl,
    ...decisions,
    pushUrl,
    store,
    secrets,
    officer: { name: officerName, ...officer },
    stop: () => stopping.stop(),
  }
}
