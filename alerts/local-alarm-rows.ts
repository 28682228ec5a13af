/** Local alarms as rows of the ledger: reading and writing them, nothing else. */
import type pg from 'pg'
import { z } from 'zod'
import { StoredAlarm } from './records.ts'

type Asker = Pick<pg.Pool, 'query'>

/** Oldest first. */
export async function localAlarmsWhere(asker: Asker, where: string, values: unknown[]): Promise<StoredAlarm[]> {
  const { rows } = await asker.query(`SELECT body FROM alerts.local_alarms WHERE ${where} ORDER BY number`, values)
  return rows.map(row => StoredAlarm.parse(row.body))
}

/** Adds the alarm, or writes over the one of the same key. */
export async function writeLocalAlarm(asker: Asker, stored: StoredAlarm): Promise<void> {
  const { key, number, alarm, warningId } = stored
  await asker.query(
    `INSERT INTO alerts.local_alarms VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (key) DO UPDATE
     SET number = excluded.number, warning_id = excluded.warning_id, body = excluded.body`,
    [key, number, alarm.place, alarm.hazard, warningId ?? null, JSON.stringify(stored)],
  )
}

const Figures = z.object({ newest: z.number(), waiting: z.coerce.number() })

/** The newest number given, and how many alarms belong to no warning yet. */
export async function localAlarmFigures(asker: Asker): Promise<z.infer<typeof Figures>> {
  const { rows } = await asker.query(
    `SELECT coalesce(max(number), 0) AS newest, count(*) FILTER (WHERE warning_id IS NULL) AS waiting
     FROM alerts.local_alarms`,
  )
  return Figures.parse(rows[0])
}
