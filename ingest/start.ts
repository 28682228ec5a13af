/**
 * Ingest: payload → readings → journal → store, and what was refused. Starts from explicit options; the broker calls
 * `accept` before it acknowledges.
 */
import { join } from 'node:path'
import type { District } from '@forewarn/contracts/district'
import type { Command } from '@forewarn/contracts/gateway-messages'
import type { Check } from '@forewarn/contracts/health'
import type { AcceptPublish, SendDown } from '@forewarn/contracts/intake'
import { topicOf } from '@forewarn/contracts/topics'
import type { ReadingJournal } from '@forewarn/journal/reading-journal'
import type { Clock } from '@forewarn/runtime/clock'
import { startInnerServer } from '@forewarn/runtime/inner-server'
import type { Log } from '@forewarn/runtime/log'
import type { Metrics } from '@forewarn/runtime/metrics'
import type { ReadingStore } from '@forewarn/store/reading-store'
import { openBirths } from './births.ts'
import { type Clocks, createClocks, hoursOf } from './clocks.ts'
import { ingestCounts } from './counts.ts'
import { foreignFormats } from './formats/foreign.ts'
import type { Mapping } from './formats/mapped.ts'
import { formatTable } from './formats/table.ts'
import { type AlarmBook, alarmRoutes, openAlarmBook } from './gateways/alarm-book.ts'
import { clockFile } from './gateways/clock-file.ts'
import { type Gateways, gatewayReport, gatewayStates } from './gateways/gateways.ts'
import { createLives, type Lives } from './gateways/lives.ts'
import { createRebirths } from './gateways/rebirth.ts'
import { ingestHealth, storeLagMs } from './health.ts'
import { createIntake } from './intake.ts'
import { openKeptLines } from './kept-lines.ts'
import { askRulesAt } from './ledger/ask-rules.ts'
import { type Ledger, openLedger } from './ledger/ledger.ts'
import { ledgerRoutes } from './ledger/routes.ts'
import { type FoundAside, foundAside } from './ledger/set-aside.ts'
import { openQuarantine, type QuarantineLine } from './quarantine/quarantine.ts'
import { quarantineRoutes } from './quarantine/quarantine-routes.ts'
import { rejectLog } from './quarantine/reject-log.ts'
import { createReleases } from './quarantine/releases.ts'
import { type SensorNames, sensorNames } from './sensor-names.ts'
import { startWriter } from './writer.ts'

export interface IngestOptions {
  readonly district: District
  /** Opened with this district's registry; stays the caller's to close, after ingest has stopped. */
  readonly journal: ReadingJournal
  /** The caller's too. */
  readonly store: ReadingStore
  /** Folder for what is refused (`quarantine`) and what the store cannot take (`set-aside`). */
  readonly dataDir: string
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly innerToken: string
  /** The way down to gateways: without it nobody is asked for a birth message again. */
  readonly sendDown?: SendDown
  /** Shown by `/health` with those of ingest. */
  readonly moreChecks?: () => readonly Check[]
  /** For devices whose payloads are their maker's own; see formats/mapped.ts. */
  readonly mappings?: readonly Mapping[] | undefined
  readonly host?: string
  readonly port?: number
}

export interface Ingest {
  /** Resolves once the message is on disk. */
  readonly accept: AcceptPublish
  /** Of the inner server: GET /health, /gateways and /quarantine, POST to release (contracts/quarantine.ts). */
  readonly url: string
  /** From now on the ledger asks the rules at this URL (their inner server) what they have judged. */
  watchRules(url: string): void
  /** Stop the broker first: nothing may call `accept` any more. */
  stop(): Promise<void>
}

/** Starts taking messages and writing them to the store. */
export async function startIngest(options: IngestOptions): Promise<Ingest> {
  const { district, journal, store, dataDir, clock, log, metrics, moreChecks } = options
  const counts = ingestCounts(metrics)
  const names = sensorNames(district)
  const gateways = gatewayStates(district, names, clock.nowMs())
  const { quarantine, setAside, ledger } = await openBooks(options)
  const writer = startWriter({ journal, store, setAside, counts, log, ledger })
  const clocks = loggedClocks(log, clockFile({ file: join(dataDir, 'clocks.json'), district, log }))
  const parts = { journal, store, writer, gateways, clocks, quarantine, counts, clock, ledger, moreChecks }
  const alarms = await openAlarmBook({ dir: join(dataDir, 'alarms') })
  let onBorn: (gateway: string) => void = () => {}
  const lives = createLives()
  const formatOf = openFormats(options, { onBorn: gateway => onBorn(gateway), names, gateways, lives, ledger, alarms })
  const intake = createIntake({ ...parts, formatOf, names, log, rejected: rejectLog(log, clock) })
  const releases = createReleases({ quarantine, intake, journal, names, clock, log })
  await releases.recover()
  onBorn = releases.born
  const lagTimer = setInterval(() => counts.storeLag(storeLagMs(parts) / 1000), 1000)
  const server = await startInnerServer({
    token: options.innerToken,
    ...(options.host === undefined ? {} : { host: options.host }),
    ...(options.port === undefined ? {} : { port: options.port }),
    routes(routes) {
      routes.get('/health', () => ingestHealth(parts))
      routes.get('/gateways', async () => gatewayReport({ gateways, clocks, lives }))
      quarantineRoutes(routes, { quarantine, releases })
      ledgerRoutes(routes, ledger)
      alarmRoutes(routes, alarms)
    },
  })
  log.info('ingest-started', { sensors: district.sensors.length, gateways: district.gateways.length })
  return {
    accept: intake.accept,
    url: server.url,
    watchRules: url => ledger.watchRules(askRulesAt({ url, token: options.innerToken })),
    async stop() {
      clearInterval(lagTimer)
      await server.stop()
      await releases.idle()
      await writer.stop()
      await ledger.stop()
      await quarantine.close()
      await setAside.close()
      await alarms.close()
    },
  }
}

/** What is kept beside the journal, and the ledger that counts it. */
async function openBooks({ dataDir, ...options }: IngestOptions) {
  const rejections: QuarantineLine[] = []
  const quarantine = await openQuarantine({ dir: join(dataDir, 'quarantine'), onFound: line => rejections.push(line) })
  const aside: FoundAside = new Map()
  const setAside = await openKeptLines({ dir: join(dataDir, 'set-aside'), onFound: line => foundAside(line, aside) })
  const { district, journal, clock, log, metrics } = options
  const found = { rejections, setAside: aside }
  const ledger = await openLedger({ dir: join(dataDir, 'ledger'), district, journal, ...found, clock, log, metrics })
  return { quarantine, setAside, ledger }
}

interface FormatWorld {
  readonly onBorn: (gateway: string) => void
  readonly names: SensorNames
  readonly gateways: Gateways
  readonly lives: Lives
  readonly ledger: Pick<Ledger, 'said'>
  readonly alarms: Pick<AlarmBook, 'keep'>
}

/** The table of formats with what they remember. */
function openFormats(
  { district, dataDir, clock, log, sendDown = () => {}, mappings = [] }: IngestOptions,
  world: FormatWorld,
) {
  const { names, gateways, lives, ledger, onBorn } = world
  const rebirths = createRebirths({ sendDown, clock })
  let asked = 0
  const topicFor = (gateway: string) => topicOf({ district: district.id, gateway, channel: 'command' })
  return formatTable({
    districtId: district.id,
    births: openBirths({ dir: join(dataDir, 'births'), names, log }),
    gateways,
    onBorn,
    foreign: foreignFormats({ district, dataDir, lives, rebirths, onBorn, mappings, log }),
    keepAlarm: world.alarms.keep,
    onStatus(gateway, status, atMs) {
      ledger.said(gateway, { ...status, atMs }, atMs)
      if (status.state === 'offline' || status.atMs === undefined) return
      // The house's time, in answer: the gateway measures its clock by it, with the round trip.
      const time: Command = { kind: 'time', id: String(status.atMs), houseMs: clock.nowMs() }
      sendDown({ gateway, topic: topicFor(gateway), payload: JSON.stringify(time) })
    },
    askRebirth(gateway) {
      const topic = topicFor(gateway)
      const command: Command = { kind: 'rebirth', id: `rebirth-${clock.nowMs()}-${++asked}` }
      rebirths.ask({ gateway, topic, payload: JSON.stringify(command) })
    },
  })
}

function loggedClocks(log: Log, file: ReturnType<typeof clockFile>): Clocks {
  return createClocks({
    ...file,
    onWrong: ({ gateway, offsetMs }) => log.warn('gateway-clock-wrong', { gateway, offsetHours: hoursOf(offsetMs) }),
    onMended: (gateway, wasOffMs) => log.info('gateway-clock-mended', { gateway, wasOffHours: hoursOf(wasOffMs) }),
  })
}
