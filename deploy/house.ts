/**
 * The whole house in one process, on embedded parts or on servers: started in the order in which readings flow,
 * stopped the other way round. `npm start`, `forewarn play` and the acceptance tests all start this.
 */

import type { Journal } from '@forewarn/journal/journal'
import { type OrderlyStop, orderlyStop } from '@forewarn/runtime/orderly-stop'
import type { QueueBackend } from '@forewarn/runtime/queue'
import type { ReadingStore } from '@forewarn/store/reading-store'
import { snapshotHouse } from './backup/snapshot.ts'
import { startHouseDoor } from './house-door.ts'
import type { HouseOptions } from './house-options.ts'
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
import { namingFullDisk } from './start-error.ts'

export interface House {
  readonly consoleUrl: string
  readonly mqttPort: number
  readonly alertsUrl: string
  readonly rulesUrl: string
  readonly ingestUrl: string
  /** The house's own door (house-door.ts). */
  readonly innerUrl: string
  /** Of the broker's inner server. */
  readonly brokerUrl: string | undefined
  /** Where devices of the simulation push their readings; undefined without an edge agent. */
  readonly pushUrl: string | undefined
  readonly store: ReadingStore
  /** Journal bytes that the slowest of store and rules has not read yet. */
  behindBytes(): number
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
    throw namingFullDisk(error, options.dataDir)
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
  const [store, database] = await Promise.all([openStore(site), openPostgres(site)])
  const postgres = database.url
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
    urls: { ...decisions, ingestUrl: intake.ingestUrl, brokerUrl: intake.brokerUrl },
  })
  const copied = { dataDir, journal: intake.journal, store, postgres: database.embedded }
  const snapshot = (dir: string) => snapshotHouse(copied, dir)
  const door = await startHouseDoor({
    token: secrets.innerToken,
    snapshot,
    range: request => store.range(request),
    sensors: district.sensors,
    log: options.log,
  })
  stopping.add('door', () => door.stop())
  const pushUrl = options.withEdgeAgent ? await startAgent(site, intake.mqttPort) : undefined
  return {
    consoleUrl: page.url,
    mqttPort: intake.mqttPort,
    ingestUrl: intake.ingestUrl,
    innerUrl: door.url,
    brokerUrl: intake.brokerUrl,
    ...decisions,
    pushUrl,
    store,
    behindBytes: () => behindBytes(intake.journal),
    secrets,
    officer: { name: officerName, ...officer },
    stop: () => stopping.stop(),
  }
}

/** Ledger and backup hold the journal too, and nobody waits for them. */
const thoseWaitedFor: ReadonlySet<string> = new Set(['store', 'rules'])

function behindBytes(journal: Journal): number {
  const { endOffset, consumers } = journal.figures()
  return consumers.reduce(
    (most, { name, position }) => (thoseWaitedFor.has(name) ? Math.max(most, endOffset - position) : most),
    0,
  )
}
