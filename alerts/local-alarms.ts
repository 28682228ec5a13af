/**
 * Alarms that gateways raised by themselves while nobody could be asked: read from ingest, kept in the ledger, and
 * shown once in the timeline of the warning of the same place and hazard whose time they share. One that comes
 * before its warning waits for it.
 */
import { KeptAlarm, type LocalAlarm } from '@forewarn/contracts/gateway-messages'
import type { Text } from '@forewarn/contracts/text'
import type { Warning } from '@forewarn/contracts/warning'
import type { Log } from '@forewarn/runtime/log'
import { z } from 'zod'
import { type Desk, tell } from './desk.ts'
import type { StoredAlarm } from './records.ts'

/** Why an alarm is not believed: the registry says otherwise. Stable: it is logged. */
export type AlarmRefusal = 'unknown-sensor' | 'wrong-gateway' | 'wrong-place'

/** Takes an alarm into the ledger and, when there is one, into its warning. A repeat changes nothing. */
export async function takeLocalAlarm(desk: Desk, kept: KeptAlarm): Promise<AlarmRefusal | undefined> {
  const refusal = refusalOf(desk, kept)
  if (refusal !== undefined) return refusal
  const key = `${kept.gateway}/${kept.alarm.id}`
  const before = await desk.work.localAlarm(key)
  // An older copy that comes late does not make it stand again.
  const alarm = before?.alarm.clearedAtMs !== undefined ? before.alarm : kept.alarm
  const known = before ?? { told: 'nothing' as const }
  desk.work.putLocalAlarm(await shown(desk, { ...known, key, number: kept.number, alarm }))
  return undefined
}

/** A gateway speaks for its own sensors, and a sensor for its own place. */
function refusalOf({ district }: Desk, { gateway, alarm }: KeptAlarm): AlarmRefusal | undefined {
  const sensor = district.sensors.find(({ id }) => id === alarm.sensor)
  if (sensor === undefined) return 'unknown-sensor'
  if (sensor.gateway !== gateway) return 'wrong-gateway'
  const place = sensor.place ?? district.places.find(({ id }) => id === alarm.place)?.id
  return place === alarm.place ? undefined : 'wrong-place'
}

/** A warning has just been raised: alarms that waited for it are shown in it. */
export async function showWaitingAlarms(desk: Desk, warning: Pick<Warning, 'placeId' | 'hazard'>): Promise<void> {
  for (const stored of await desk.work.waitingAlarms(warning)) desk.work.putLocalAlarm(await shown(desk, stored))
}

async function shown(desk: Desk, stored: StoredAlarm): Promise<StoredAlarm> {
  const { alarm } = stored
  const warningId = stored.warningId ?? (await warningOf(desk, alarm))
  if (warningId === undefined) return stored
  if (stored.told === 'nothing') await tell(desk, warningId, { event: 'local-alarm', detail: raisedText(alarm, desk) })
  const cleared = alarm.clearedAtMs !== undefined
  if (cleared && stored.told !== 'cleared')
    await tell(desk, warningId, { event: 'local-alarm-cleared', detail: clearedText(alarm, desk) })
  return { ...stored, warningId, told: cleared ? 'cleared' : 'raised' }
}

/** The uplink was away: the house's own warning may have come an hour after the alarm, or ended before it. */
const slackMs = 60 * 60_000

async function warningOf({ work }: Desk, { place, hazard, raisedAtMs, clearedAtMs }: LocalAlarm) {
  const fits = (await work.warningsAt({ placeId: place, hazard })).filter(({ warning }) => {
    const untilMs = warning.clearedAtMs ?? Number.POSITIVE_INFINITY
    return raisedAtMs <= untilMs && (clearedAtMs ?? Number.POSITIVE_INFINITY) >= warning.raisedAtMs - slackMs
  })
  return fits.at(-1)?.warning.id
}

function raisedText({ rule, sensor, value, raisedAtMs, outputs }: LocalAlarm, { district }: Desk): Text {
  const at = clockTime(raisedAtMs, district.timeZone)
  const [zh, en] = outputs.length === 0 ? ['无', 'none'] : [outputs.join('、'), outputs.join(', ')]
  return {
    zh: `断网期间就地报警：${at}，规则 ${rule}，传感器 ${sensor} 为 ${value}；已动作：${zh}`,
    en: `local alarm at ${at} by rule ${rule}: ${sensor} said ${value}; switched: ${en}`,
  }
}

function clearedText({ rule, clearedAtMs = 0 }: LocalAlarm, { district }: Desk): Text {
  const at = clockTime(clearedAtMs, district.timeZone)
  return { zh: `就地报警解除：${at}，规则 ${rule}`, en: `local alarm over at ${at}, rule ${rule}` }
}

function clockTime(atMs: number, timeZone: string): string {
  return new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' }).format(atMs)
}

export interface AlarmReader {
  /** Resolves once what ingest has now is in the ledger. */
  read(): Promise<void>
  stop(): Promise<void>
}

export interface AlarmReaderOptions {
  /** Base of ingest's inner server. */
  readonly ingestUrl: string
  readonly innerToken: string
  /** Number of the newest alarm in the ledger. */
  readonly from: number
  readonly take: (kept: KeptAlarm) => Promise<AlarmRefusal | undefined>
  readonly log: Log
  readonly everyWallMs?: number
}

/** Reads on from `from`, again and again; what fails is read again. */
export function openAlarmReader(options: AlarmReaderOptions): AlarmReader {
  const { take, log, everyWallMs = 2000 } = options
  let { from } = options
  let reading: Promise<void> | undefined
  const readAll = async () => {
    for (let found = await ask(options, from); found.length > 0; found = await ask(options, from)) {
      for (const kept of found) {
        const refusal = await take(kept)
        if (refusal !== undefined) log.warn('local-alarm-refused', { reason: refusal, gateway: kept.gateway })
        from = kept.number
      }
    }
  }
  const read = () => {
    reading ??= readAll().finally(() => {
      reading = undefined
    })
    return reading
  }
  let isAway = false
  const timer = setInterval(() => {
    read().then(
      () => {
        isAway = false
      },
      (error: unknown) => {
        if (!isAway) log.warn('local-alarms-not-read', { reason: String(error) })
        isAway = true
      },
    )
  }, everyWallMs)
  return {
    read,
    async stop() {
      clearInterval(timer)
      await reading?.catch(() => undefined) // said above; what was not taken is read again by the next life
    },
  }
}

const Found = z.array(KeptAlarm)

async function ask({ ingestUrl, innerToken }: AlarmReaderOptions, after: number): Promise<KeptAlarm[]> {
  const headers = { authorization: `Bearer ${innerToken}` }
  const answer = await fetch(`${ingestUrl}/alarms?after=${after}`, { headers, signal: AbortSignal.timeout(10_000) })
  if (!answer.ok) throw new Error(`ingest answered ${answer.status}`)
  return Found.parse(await answer.json())
}
