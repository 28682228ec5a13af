/**
 * Everything `alerts` must not forget, in PostgreSQL. A transaction holds a change whole: the warning with its
 * version, the audit entry, the event for those who watch, and the deeds that are due.
 */
import { AlertsEvent, type Command, CommandAnswer } from '@forewarn/contracts/alerts-api'
import type { EpisodeVerified } from '@forewarn/contracts/episode'
import { Order } from '@forewarn/contracts/order'
import { UnitStatus, type Warning } from '@forewarn/contracts/warning'
import pg from 'pg'
import { z } from 'zod'
import { localAlarmFigures, localAlarmsWhere, writeLocalAlarm } from './local-alarm-rows.ts'
import { Deed, type StoredAlarm, StoredWarning } from './records.ts'
import { schema } from './schema.ts'

/** What a transaction may look at and change. Nothing is written before the transaction's end. */
export interface Work {
  warning(id: string): Promise<StoredWarning | undefined>
  /** Open warnings for which no unit was left. */
  wanting(): Promise<StoredWarning[]>
  put(stored: StoredWarning): void
  orders(warningId: string): Promise<Order[]>
  order(id: string): Promise<Order | undefined>
  liveOrders(): Promise<Order[]>
  putOrder(order: Order): void
  units(): Promise<Map<string, UnitStatus>>
  putUnit(unit: UnitStatus): void
  /** Asks for a deed after the commit. A key that is known is not asked for twice. */
  ask(key: string, deed: Deed): void
  answerOf(commandId: string): Promise<CommandAnswer | undefined>
  putAnswer(command: Command, answer: CommandAnswer): void
  putOutcome(episode: EpisodeVerified): void
  localAlarm(key: string): Promise<StoredAlarm | undefined>
  /** Alarms of this place and hazard that no warning shows yet. */
  waitingAlarms(of: PlaceAndHazard): Promise<StoredAlarm[]>
  putLocalAlarm(alarm: StoredAlarm): void
  /** In the order in which they were raised. */
  warningsAt(of: PlaceAndHazard): Promise<StoredWarning[]>
}

interface PlaceAndHazard {
  readonly placeId: string
  readonly hazard: string
}

export interface NumberedEvent {
  readonly number: number
  readonly event: AlertsEvent
}

export interface OutcomeRow {
  readonly rule: string
  readonly ruleVersion: string
  readonly outcome: string
  readonly leadMin: number | undefined
}

export interface Ledger {
  /** One at a time, so that two warnings never see the same unit free. Rolled back when `deed` throws. */
  transaction<T>(deed: (work: Work) => Promise<T>): Promise<T>
  snapshot(closedSinceMs: number): Promise<{ lastEventId: number; warnings: Warning[]; units: UnitStatus[] }>
  warning(id: string): Promise<Warning | undefined>
  openWarnings(): Promise<StoredWarning[]>
  liveOrders(): Promise<Order[]>
  eventsAfter(number: number, limit: number): Promise<NumberedEvent[]>
  deedsDue(): Promise<{ number: number; key: string; deed: Deed }[]>
  deedDone(number: number): Promise<void>
  outcomes(): Promise<OutcomeRow[]>
  /** Number of the newest local alarm, and how many no warning shows. */
  localAlarms(): Promise<{ newest: number; waiting: number }>
  /** Forgets what nobody can ask for any more: old events and deeds that were done. */
  prune(): Promise<void>
  close(): Promise<void>
}

/** Opens it and makes its tables. Throws when the database cannot be reached. */
export async function openLedger({
  databaseUrl,
  onTrouble,
}: {
  databaseUrl: string
  onTrouble: (error: Error) => void
}): Promise<Ledger> {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 4 })
  pool.on('error', onTrouble)
  await inTransaction(pool, client => client.query(schema))
  return {
    transaction: deed =>
      inTransaction(pool, async client => {
        const { work, write } = makeWork(client)
        const result = await deed(work)
        await write()
        return result
      }),
    snapshot: closedSinceMs => inTransaction(pool, client => snapshot(client, closedSinceMs)),
    async warning(id) {
      const [stored] = await warningsWhere(pool, 'id = $1', [id])
      return stored && { ...stored.warning, orders: await ordersWhere(pool, 'warning_id = $1', [id]) }
    },
    openWarnings: () => warningsWhere(pool, `state <> 'resolved'`, []),
    liveOrders: () => ordersWhere(pool, live, []),
    eventsAfter: (number, limit) => eventsAfter(pool, { number, limit }),
    async deedsDue() {
      const { rows } = await pool.query('SELECT number, key, body FROM alerts.deeds WHERE NOT done ORDER BY number')
      return z
        .array(DeedRow)
        .parse(rows)
        .map(({ number, key, body }) => ({ number, key, deed: body }))
    },
    async deedDone(number) {
      await pool.query('UPDATE alerts.deeds SET done = true WHERE number = $1', [number])
    },
    outcomes: () => outcomesOf(pool),
    localAlarms: () => localAlarmFigures(pool),
    prune: () => prune(pool),
    close: () => pool.end(),
  }
}

type Asker = Pick<pg.Pool, 'query'>

const BigNumber = z.coerce.number().int()
const DeedRow = z.object({ number: BigNumber, key: z.string(), body: Deed })
const EventRow = z.object({ number: BigNumber, body: AlertsEvent })
const live = `state NOT IN ('released', 'stood-down')`
/** Any constant: `alerts` is alone in taking it. */
const lockKey = 7_203_514
const keptEvents = 50_000
const keptDeeds = 50_000

async function inTransaction<T>(pool: pg.Pool, deed: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  // A connection lost between two queries says so here, and unheard it would end the process; the next query fails too.
  const heard = () => undefined
  client.on('error', heard)
  try {
    await client.query('BEGIN')
    await client.query('SELECT pg_advisory_xact_lock($1)', [lockKey])
    const result = await deed(client)
    await client.query('COMMIT')
    client.release()
    return result
  } catch (error) {
    // A connection that cannot even roll back is not given to the next one.
    const lost = await client.query('ROLLBACK').then(
      () => false,
      () => true,
    )
    client.release(lost)
    throw error
  } finally {
    client.off('error', heard)
  }
}

async function warningsWhere(asker: Asker, where: string, values: unknown[]): Promise<StoredWarning[]> {
  const { rows } = await asker.query(`SELECT body FROM alerts.warnings WHERE ${where} ORDER BY raised_ms`, values)
  return rows.map(row => StoredWarning.parse(row.body))
}

async function ordersWhere(asker: Asker, where: string, values: unknown[]): Promise<Order[]> {
  const { rows } = await asker.query(`SELECT body FROM alerts.orders WHERE ${where} ORDER BY id`, values)
  return rows.map(row => Order.parse(row.body))
}

async function unitsOf(asker: Asker): Promise<UnitStatus[]> {
  const { rows } = await asker.query('SELECT body FROM alerts.units ORDER BY id')
  return rows.map(row => UnitStatus.parse(row.body))
}

async function snapshot(client: pg.PoolClient, closedSinceMs: number) {
  const stored = await warningsWhere(client, `state <> 'resolved' OR changed_ms >= $1`, [closedSinceMs])
  const ids = stored.map(({ warning }) => warning.id)
  const orders = Map.groupBy(await ordersWhere(client, 'warning_id = ANY($1)', [ids]), order => order.warningId)
  const last = await client.query('SELECT coalesce(max(number), 0) AS number FROM alerts.events')
  return {
    lastEventId: BigNumber.parse(last.rows[0]?.number),
    warnings: stored.map(({ warning }) => ({ ...warning, orders: orders.get(warning.id) ?? [] })),
    units: await unitsOf(client),
  }
}

async function eventsAfter(asker: Asker, { number, limit }: { number: number; limit: number }) {
  const { rows } = await asker.query(
    'SELECT number, body FROM alerts.events WHERE number > $1 ORDER BY number LIMIT $2',
    [number, limit],
  )
  return rows.map(row => {
    const parsed = EventRow.parse(row)
    return { number: parsed.number, event: parsed.body }
  })
}

const OutcomeRows = z.array(
  z.object({ rule: z.string(), rule_version: z.string(), outcome: z.string(), lead_min: z.number().nullable() }),
)

async function outcomesOf(asker: Asker): Promise<OutcomeRow[]> {
  const { rows } = await asker.query('SELECT rule, rule_version, outcome, lead_min FROM alerts.outcomes')
  return OutcomeRows.parse(rows).map(row => ({
    rule: row.rule,
    ruleVersion: row.rule_version,
    outcome: row.outcome,
    leadMin: row.lead_min ?? undefined,
  }))
}

async function prune(asker: Asker): Promise<void> {
  await asker.query('DELETE FROM alerts.events WHERE number <= (SELECT max(number) FROM alerts.events) - $1', [
    keptEvents,
  ])
  await asker.query('DELETE FROM alerts.deeds WHERE done AND number <= (SELECT max(number) FROM alerts.deeds) - $1', [
    keptDeeds,
  ])
}

/** What one transaction has changed so far; written at its end, orders before the events that show them. */
interface Changes {
  readonly warnings: Map<string, StoredWarning>
  /** Timeline entries that are in the audit already. */
  readonly audited: Set<unknown>
  readonly orders: Map<string, Order>
  readonly units: Map<string, UnitStatus>
  readonly deeds: Map<string, Deed>
  readonly writes: ((client: pg.PoolClient) => Promise<unknown>)[]
}

function makeWork(client: pg.PoolClient): { work: Work; write: () => Promise<void> } {
  const changes: Changes = {
    warnings: new Map(),
    audited: new Set(),
    orders: new Map(),
    units: new Map(),
    deeds: new Map(),
    writes: [],
  }
  const seen = (stored: StoredWarning) => {
    for (const entry of stored.warning.timeline) changes.audited.add(entry)
    return stored
  }
  const withChanges = (orders: Order[], belongs: (order: Order) => boolean) => {
    const merged = new Map(orders.map(order => [order.id, order]))
    for (const order of changes.orders.values()) merged.set(order.id, order)
    return [...merged.values()].filter(belongs)
  }
  const isLive = ({ state }: Order) => state !== 'released' && state !== 'stood-down'
  const work: Work = {
    async warning(id) {
      const changed = changes.warnings.get(id)
      if (changed) return changed
      const [stored] = await warningsWhere(client, 'id = $1', [id])
      return stored && seen(stored)
    },
    async wanting() {
      const stored = await warningsWhere(client, `unmet > 0 AND state LIKE 'active-%'`, [])
      return stored.map(one => changes.warnings.get(one.warning.id) ?? seen(one))
    },
    put: stored => void changes.warnings.set(stored.warning.id, stored),
    orders: async warningId =>
      withChanges(await ordersWhere(client, 'warning_id = $1', [warningId]), order => order.warningId === warningId),
    order: async id => changes.orders.get(id) ?? (await ordersWhere(client, 'id = $1', [id]))[0],
    liveOrders: async () => withChanges(await ordersWhere(client, live, []), isLive),
    putOrder: order => void changes.orders.set(order.id, order),
    async units() {
      const units = new Map((await unitsOf(client)).map(unit => [unit.unitId, unit]))
      for (const unit of changes.units.values()) units.set(unit.unitId, unit)
      return units
    },
    putUnit: unit => void changes.units.set(unit.unitId, unit),
    ask: (key, deed) => void changes.deeds.set(key, deed),
    async answerOf(commandId) {
      const { rows } = await client.query('SELECT result, detail FROM alerts.commands WHERE id = $1', [commandId])
      if (rows[0] === undefined) return undefined
      return CommandAnswer.parse({ result: rows[0].result, detail: rows[0].detail ?? undefined })
    },
    putAnswer: (command, { result, detail }) =>
      void changes.writes.push(one =>
        one.query('INSERT INTO alerts.commands VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING', [
          command.commandId,
          JSON.stringify(command),
          result,
          detail ?? null,
        ]),
      ),
    putOutcome: episode =>
      void changes.writes.push(one =>
        one.query(
          `INSERT INTO alerts.outcomes VALUES ($1, $2, $3, $4, $5) ON CONFLICT (episode_id)
           DO UPDATE SET outcome = excluded.outcome, lead_min = excluded.lead_min`,
          [episode.episodeId, episode.rule, episode.ruleVersion, episode.outcome, episode.leadMin ?? null],
        ),
      ),
    ...alarmWork({ client, changes, seen }),
  }
  return { work, write: () => writeAll(client, changes) }
}

type AlarmWork = Pick<Work, 'localAlarm' | 'waitingAlarms' | 'putLocalAlarm' | 'warningsAt'>

/** What a transaction may look at and change of the alarms that gateways raised by themselves. */
function alarmWork({
  client,
  changes,
  seen,
}: {
  client: pg.PoolClient
  changes: Changes
  seen: (stored: StoredWarning) => StoredWarning
}): AlarmWork {
  return {
    localAlarm: async key => (await localAlarmsWhere(client, 'key = $1', [key]))[0],
    waitingAlarms: ({ placeId, hazard }) =>
      localAlarmsWhere(client, 'warning_id IS NULL AND place_id = $1 AND hazard = $2', [placeId, hazard]),
    putLocalAlarm: alarm => void changes.writes.push(one => writeLocalAlarm(one, alarm)),
    async warningsAt({ placeId, hazard }) {
      const at = `body->'warning'->>'placeId' = $1 AND body->'warning'->>'hazard' = $2`
      const stored = new Map((await warningsWhere(client, at, [placeId, hazard])).map(one => [one.warning.id, one]))
      for (const one of changes.warnings.values())
        if (one.warning.placeId === placeId && one.warning.hazard === hazard) stored.set(one.warning.id, one)
      return [...stored.values()].map(one => (changes.warnings.has(one.warning.id) ? one : seen(one)))
    },
  }
}

async function writeAll(client: pg.PoolClient, changes: Changes): Promise<void> {
  for (const stored of changes.warnings.values()) await writeWarning(client, stored, changes.audited)
  // Ended orders first: their units may be taken by a new order in the same transaction.
  const orders = [...changes.orders.values()].sort((a, b) => rankOf(a) - rankOf(b))
  for (const order of orders) await writeOrder(client, order)
  for (const unit of changes.units.values()) await writeUnit(client, unit)
  for (const [key, deed] of changes.deeds) {
    await client.query('INSERT INTO alerts.deeds (key, body) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING', [
      key,
      JSON.stringify(deed),
    ])
  }
  for (const write of changes.writes) await write(client)
  for (const { warning } of changes.warnings.values()) {
    const all = await ordersWhere(client, 'warning_id = $1', [warning.id])
    await writeEvent(client, { type: 'warning', warning: { ...warning, orders: all } })
  }
  for (const unit of changes.units.values()) await writeEvent(client, { type: 'unit', unit })
}

function rankOf({ state }: Order): number {
  return state === 'released' || state === 'stood-down' ? 0 : 1
}

async function writeWarning(client: pg.PoolClient, stored: StoredWarning, audited: Set<unknown>): Promise<void> {
  const { warning, unmet } = stored
  const changedMs = warning.timeline.at(-1)?.atMs ?? warning.raisedAtMs
  await client.query(
    `INSERT INTO alerts.warnings VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO UPDATE
     SET version = excluded.version, state = excluded.state, changed_ms = excluded.changed_ms,
         unmet = excluded.unmet, body = excluded.body`,
    [warning.id, warning.version, warning.state, warning.raisedAtMs, changedMs, unmet, JSON.stringify(stored)],
  )
  for (const entry of warning.timeline) {
    if (audited.has(entry)) continue
    await client.query(
      'INSERT INTO alerts.audit (warning_id, version, at_ms, by, event, detail) VALUES ($1, $2, $3, $4, $5, $6)',
      [warning.id, warning.version, entry.atMs, entry.by, entry.event, JSON.stringify(entry.detail)],
    )
  }
}

async function writeOrder(client: pg.PoolClient, order: Order): Promise<void> {
  await client.query(
    `INSERT INTO alerts.orders VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (id) DO UPDATE SET state = excluded.state, body = excluded.body`,
    [order.id, order.warningId, order.unitId, order.state, JSON.stringify(order)],
  )
}

async function writeUnit(client: pg.PoolClient, unit: UnitStatus): Promise<void> {
  await client.query('INSERT INTO alerts.units VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET body = excluded.body', [
    unit.unitId,
    JSON.stringify(unit),
  ])
}

async function writeEvent(client: pg.PoolClient, event: AlertsEvent): Promise<void> {
  await client.query('INSERT INTO alerts.events (body) VALUES ($1)', [JSON.stringify(event)])
}
