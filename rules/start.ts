/**
 * Starts the rules process: reads the journal from its own checkpoint, evaluates and forecasts, hands episodes to
 * the queue, and answers the console's questions.
 */
import type { District } from '@forewarn/contracts/district'
import { episodesQueue } from '@forewarn/contracts/episode'
import type { Mode } from '@forewarn/contracts/mode'
import type { PlaceCondition, PlaceForecast } from '@forewarn/contracts/rules-api'
import type { ReadingJournal } from '@forewarn/journal/reading-journal'
import type { Clock } from '@forewarn/runtime/clock'
import { type InnerServer, startInnerServer } from '@forewarn/runtime/inner-server'
import type { Log } from '@forewarn/runtime/log'
import type { Metrics } from '@forewarn/runtime/metrics'
import { openQueue, type QueueBackend } from '@forewarn/runtime/queue'
import { Engine } from './engine/engine.ts'
import { restoreEngine } from './engine/engine-state.ts'
import { Evaluated } from './evaluated.ts'
import { type Following, type FollowOptions, followJournal } from './follow.ts'
import { readModelFile } from './forecast/model-file.ts'
import { type HealthFacts, rulesHealth } from './health.ts'
import { Keeper } from './keeper.ts'
import { type LoadedRules, loadRules } from './load-rules.ts'
import { openSnapshots, type SnapshotFolder } from './snapshot.ts'

export interface RulesOptions {
  readonly district: District
  readonly journal: Pick<ReadingJournal, 'readBatches' | 'consumer' | 'figures'>
  /** Folder of rule files. */
  readonly rules: string
  /** File of the calibrated forecast model. */
  readonly models: string
  /** Folder for the state that survives restarts. */
  readonly stateDir: string
  readonly queue: QueueBackend
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly mode: Mode
  readonly innerToken: string
  /** How much later than others of its gateway a reading may come and still count in order; 0 unless given. */
  readonly latenessMs?: number
}

export interface RunningRules {
  readonly url: string
  stop(): Promise<void>
}

/** Resolves once it follows the journal and answers HTTP. Throws when the rules folder or model cannot be read. */
export async function startRules(options: RulesOptions): Promise<RunningRules> {
  const { journal, queue: backend, log, metrics } = options
  const loaded = loadRules(options.rules)
  tellOfRules(loaded, log)
  const consumer = journal.consumer('rules')
  const engine = makeEngine(options, loaded)
  const snapshots = await openSnapshots(options.stateDir, options.district)
  const from = (await resume(engine, snapshots)) ?? {
    journalNext: consumer.position(),
    outbox: [],
    evaluated: undefined,
  }
  const gatewayIds = options.district.gateways.map(({ id }) => id)
  const evaluated = new Evaluated({ gatewayIds, at: from.journalNext, kept: from.evaluated })
  const queue = await openQueue({ name: episodesQueue, backend, log })
  const keeper = new Keeper({ engine, snapshots, evaluated, queue, consumer, clock: options.clock, log, from })
  if (from.outbox.length > 0) keeper.request()
  const following = followJournal({
    ...options,
    from: from.journalNext,
    engine,
    keeper,
    evaluated,
    onJudged: judgedCounts(metrics, options.clock),
  })
  const server = await serve(options, { engine, loaded, keeper, following, evaluated })
  log.info('rules-started', { rules: loaded.rules.length, cells: engine.binding.cells.length, from: from.journalNext })
  return {
    url: server.url,
    async stop() {
      await server.stop()
      await following.stop()
      await keeper.stop()
      await queue.close()
    },
  }
}

/** Counts readings, and how long they took from the intake to their verdict, in seconds of the house's time. */
function judgedCounts(metrics: Metrics, clock: Clock): FollowOptions['onJudged'] {
  const readings = metrics.counter('forewarn_rules_readings_total', 'Readings that rules have taken.')
  const latency = metrics.histogram(
    'forewarn_reading_to_verdict_seconds',
    'From the arrival of a batch to its verdicts.',
    verdictBucketsS,
  )
  return ({ readings: count, receivedAtMs }) => {
    readings.inc(count)
    latency.observe(Math.max(0, clock.nowMs() - receivedAtMs) / 1000)
  }
}

const verdictBucketsS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5]

function makeEngine(options: RulesOptions, { rules }: LoadedRules): Engine {
  const { district, models, mode, clock, latenessMs } = options
  return new Engine({
    district,
    rules,
    model: readModelFile(models),
    mode,
    listenSinceMs: clock.nowMs(),
    ...(latenessMs === undefined ? {} : { latenessMs }),
  })
}

async function resume(engine: Engine, snapshots: SnapshotFolder) {
  const kept = await snapshots.read()
  if (kept === undefined) return undefined
  restoreEngine(engine, kept.snapshot.engine, kept.sensorIds)
  const { journalNext, outbox, evaluated } = kept.snapshot
  return { journalNext, outbox, evaluated }
}

function tellOfRules({ unusable }: LoadedRules, log: Log): void {
  for (const { file, errors, stories } of unusable) {
    const failed = stories.filter(({ passed }) => !passed).map(({ name, detail }) => `${name}: ${detail}`)
    log.error('rule-file-refused', { file, errors: errors.map(({ line, message }) => `${line}: ${message}`), failed })
  }
}

interface Parts {
  readonly engine: Engine
  readonly loaded: LoadedRules
  readonly keeper: Keeper
  readonly following: Following
  readonly evaluated: Evaluated
}

function serve(options: RulesOptions, parts: Parts): Promise<InnerServer> {
  const { engine } = parts
  return startInnerServer({
    token: options.innerToken,
    routes: server => {
      server.get('/health', () => rulesHealth(healthFacts(options, parts)))
      server.get<{ Querystring: { since?: string } }>('/tally', async ({ query }) =>
        parts.evaluated.tally(Number(query.since ?? 0)),
      )
      server.get('/conditions', () => conditionsOf(engine))
      server.get<{ Params: { placeId: string } }>('/forecasts/:placeId', async (request, reply) => {
        const answer = forecastAt(engine, request.params.placeId)
        if (answer !== undefined) return answer
        const title = `no rule forecasts ${request.params.placeId}`
        return reply.code(404).type('application/problem+json').send({ title, status: 404 })
      })
    },
  })
}

function healthFacts({ journal, clock }: RulesOptions, { engine, loaded, keeper, following }: Parts): HealthFacts {
  return {
    engine,
    loaded,
    keeper: keeper.figures,
    behindBytes: Math.max(0, journal.figures().endOffset - following.position()),
    damagedRecords: following.damagedRecords(),
    atMs: clock.nowMs(),
  }
}

function conditionsOf(engine: Engine): PlaceCondition[] {
  const atMs = engine.nowMs === Number.NEGATIVE_INFINITY ? 0 : engine.nowMs
  return engine.conditions().map(({ group, condition }) => ({
    placeId: group.place.id,
    hazard: group.hazard,
    condition,
    atMs,
  }))
}

function forecastAt(engine: Engine, placeId: string): PlaceForecast | undefined {
  const cell = engine.binding.cells.find(
    ({ sensor, placeIndex }) => sensor < 0 && engine.district.places[placeIndex]?.id === placeId,
  )
  if (cell?.rule.forecast === undefined) return undefined
  const forecast = engine.forecaster.forecastOf(placeId, cell.rule.forecast.horizonMs)
  return { placeId, ...(forecast === undefined ? {} : { forecast }) }
}
