/**
 * The stages of a house going up: where readings are kept, the intake, the decisions, the page and the edge agent.
 * Each takes what stands already, starts its parts and says how they stop.
 */
import { join } from 'node:path'
import { startAlerts } from '@forewarn/alerts/start'
import type { Credential, Credentials } from '@forewarn/broker/credentials'
import { type Broker, startBroker } from '@forewarn/broker/start'
import { hashPassword } from '@forewarn/console/passwords'
import { startConsole } from '@forewarn/console/start'
import { startEdgeAgent } from '@forewarn/edge-agent/start'
import { type ForeignBroker, startForeignBroker } from '@forewarn/ingest/foreign-broker'
import { startIngest } from '@forewarn/ingest/start'
import { startRules } from '@forewarn/rules/start'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '@forewarn/runtime/embedded-postgres'
import type { OrderlyStop } from '@forewarn/runtime/orderly-stop'
import type { QueueBackend } from '@forewarn/runtime/queue'
import { openEmbeddedStore } from '@forewarn/store/embedded'
import { openInfluxStore } from '@forewarn/store/influx/influx'
import type { ReadingStore } from '@forewarn/store/reading-store'
import { whenServersAnswer } from './await-servers.ts'
import { backupConsumer } from './backup/snapshot.ts'
import { shipped } from './catalogue.ts'
import type { HouseOptions } from './house-options.ts'
import { openNotTaken } from './not-taken.ts'
import { openHouseJournal } from './open-journal.ts'
import type { Secrets } from './secrets.ts'
import { naming } from './start-error.ts'

/** What every stage shares while the house goes up. */
export interface Site {
  readonly options: HouseOptions
  readonly secrets: Secrets
  readonly stopping: OrderlyStop
}

export const officerName = 'officer'
export const dispatcherName = 'dispatcher'

/** The InfluxDB of the options, or the embedded store. */
export async function openStore({ options, stopping }: Site): Promise<ReadingStore> {
  const sensors = options.district.sensors
  const store =
    options.influx === undefined
      ? await openEmbeddedStore({ dir: join(options.dataDir, 'store'), sensors })
      : await openInflux(options, options.influx, stopping)
  stopping.add('store', () => store.close())
  stopping.add('retention', forgetOldReadings({ options, store }))
  return store
}

async function openInflux(
  options: HouseOptions,
  influx: NonNullable<HouseOptions['influx']>,
  stopping: OrderlyStop,
): Promise<ReadingStore> {
  const notTaken = await openNotTaken(options)
  stopping.add('not-taken', () => notTaken.close())
  const store = await openInfluxStore({ ...influx, sensors: options.district.sensors, onPoison: notTaken.note })
  // Said at once: an index that will take no more sensors is found too late when they are being written.
  for (const { name, status, detail, remedy } of await store.health())
    if (status !== 'ok') options.log.warn('store-troubled', { check: name, detail, remedy })
  return store
}

const dayMs = 86_400_000

/** Deletes what is older than the retention, every hour of the house's time; returns what ends that. */
function forgetOldReadings({ options, store }: { options: HouseOptions; store: ReadingStore }): () => void {
  const { clock, log, retentionDays } = options
  if (retentionDays === undefined) return () => {}
  return clock.every(dayMs / 24, () => {
    store
      .retain({ olderThanMs: clock.nowMs() - retentionDays * dayMs })
      .catch((error: unknown) => log.error('retention-failed', { trouble: String(error) }))
  })
}

/** The PostgreSQL of the options, or an embedded one. */
export async function openPostgres({ options, stopping }: Site): Promise<{ url: string; embedded?: EmbeddedPostgres }> {
  if (options.postgresUrl !== undefined) return { url: options.postgresUrl }
  const embedded = await startEmbeddedPostgres({ dir: join(options.dataDir, 'postgres'), log: options.log })
  stopping.add('postgres', () => embedded.stop())
  return { url: embedded.url, embedded }
}

export type Intake = Awaited<ReturnType<typeof startIntake>>

/** Journal, ingest and the broker in front of them: from here on a PUBACK means kept. */
export async function startIntake({ options, secrets, stopping }: Site, store: ReadingStore) {
  const { district, dataDir, clock, log, metrics } = options
  const running: { broker?: Broker; front?: ForeignBroker } = {}
  const journal = await openHouseJournal(options)
  stopping.add('journal', () => journal.close())
  // A backup that was cut off must not hold the journal for ever.
  journal.forgetConsumer(backupConsumer)
  const ingest = await startIngest({
    district,
    journal,
    store,
    dataDir: join(dataDir, 'ingest'),
    clock,
    log: log.with({ process: 'ingest' }),
    metrics,
    innerToken: secrets.innerToken,
    mappings: options.mappings,
    moreChecks: () => (running.front === undefined ? [] : [running.front.check()]),
    // Ingest stands before the broker does; until then nobody could be asked anything.
    sendDown(message) {
      running.broker?.send(message)
      running.front?.send(message)
    },
  })
  stopping.add('ingest', () => ingest.stop())
  const broker = await naming({ name: 'MQTT', port: options.mqttPort, setting: '--mqtt-port' }, () =>
    startBroker({
      ...options.mqtt,
      host: options.host,
      port: options.mqttPort,
      districtId: district.id,
      credentials: credentialsOf(options, secrets),
      accept: ingest.accept,
      clock,
      log: log.with({ process: 'broker' }),
      metrics,
      dataDir: join(dataDir, 'broker'),
      innerToken: secrets.innerToken,
    }),
  )
  running.broker = broker
  if (options.frontBroker !== undefined) {
    const { accept } = ingest
    const frontLog = log.with({ process: 'front-broker' })
    const front = startForeignBroker({ ...options.frontBroker, districtId: district.id, accept, clock, log: frontLog })
    running.front = front
    stopping.add('front-broker', () => front.stop())
  }
  stopping.add('broker', () => broker.stop())
  return { journal, ingest, ingestUrl: ingest.url, mqttPort: broker.port, brokerUrl: broker.url }
}

function credentialsOf({ district }: HouseOptions, { gateways, dispatcher }: Secrets): Credentials {
  const known = new Map<string, Credential>()
  known.set(dispatcherName, { passwordHash: dispatcher.passwordHash, role: 'dispatcher' })
  for (const { id } of district.gateways) {
    const login = gateways[id]
    if (login !== undefined) known.set(id, { passwordHash: login.passwordHash, role: 'gateway' })
  }
  return known
}

/** Rules and alerts, with the queue between them. */
export async function startDecisions(
  { options, secrets, stopping }: Site,
  { queue, postgres, intake }: { queue: QueueBackend; postgres: string; intake: Intake },
) {
  const { district, dataDir, clock, log, metrics, mode } = options
  const shared = { district, queue, clock, metrics, mode, innerToken: secrets.innerToken }
  const awaiting = { log, clock }
  const startOfAlerts = () =>
    startAlerts({
      ...shared,
      roadGraph: options.roadGraph,
      ingestUrl: intake.ingestUrl,
      plansDir: shipped.plansDir,
      databaseUrl: postgres,
      broker: {
        url: `mqtt://127.0.0.1:${intake.mqttPort}`,
        username: dispatcherName,
        password: secrets.dispatcher.password,
      },
      log: log.with({ process: 'alerts' }),
    })
  const alerts = await whenServersAnswer(startOfAlerts, { part: 'alerts', ...awaiting })
  stopping.add('alerts', () => alerts.stop())
  const startOfRules = () =>
    startRules({
      ...shared,
      journal: intake.journal,
      rules: options.rulesDir ?? shipped.rulesDir,
      models: shipped.modelFile,
      stateDir: join(dataDir, 'rules'),
      log: log.with({ process: 'rules' }),
    })
  const rules = await whenServersAnswer(startOfRules, { part: 'rules', ...awaiting })
  stopping.add('rules', () => rules.stop())
  intake.ingest.watchRules(rules.url)
  return { alertsUrl: alerts.url, rulesUrl: rules.url }
}

/** The officers' page. */
export async function startPage(
  { options, secrets, stopping }: Site,
  {
    store,
    password,
    urls,
  }: {
    store: ReadingStore
    password: string
    urls: { alertsUrl: string; rulesUrl: string; ingestUrl: string; brokerUrl: string | undefined }
  },
) {
  const page = await naming({ name: 'the console', port: options.httpPort, setting: '--http-port' }, async () =>
    startConsole({
      ...urls,
      district: options.district,
      mapLayers: options.mapLayers,
      host: options.host,
      port: options.httpPort,
      innerToken: secrets.innerToken,
      store,
      officers: [{ name: officerName, passwordHash: await hashPassword(password), role: 'officer' }],
      sessionSecret: secrets.sessionSecret,
      clock: options.clock,
      log: options.log.with({ process: 'console' }),
      metrics: options.metrics,
      mode: options.mode,
    }),
  )
  stopping.add('console', () => page.stop())
  return page
}

/** An edge agent that stands in for the one on every field gateway. */
export async function startAgent({ options, secrets, stopping }: Site, mqttPort: number): Promise<string> {
  const gateways = options.district.gateways.filter(gateway => gateway.kind === 'field')
  const port = (await options.uplinkThrough?.(mqttPort)) ?? mqttPort
  const agent = await startEdgeAgent({
    districtId: options.district.id,
    gateways: gateways.map(({ id }) => ({ id, password: secrets.gateways[id]?.password ?? '' })),
    brokerUrl: `mqtt://127.0.0.1:${port}`,
    dataDir: join(options.dataDir, 'outbox'),
    clock: options.clock,
    log: options.log.with({ process: 'edge-agent' }),
    metrics: options.metrics,
    push: { host: '127.0.0.1', port: 0, token: secrets.pushToken },
  })
  stopping.add('edge-agent', () => agent.stop())
  return agent.pushUrl
}
