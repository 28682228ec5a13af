/**
 * Keeps the page's picture up to date: the whole of it at the start and whenever the server says so, then piece by
 * piece over server-sent events. Versions make the order of arrival irrelevant.
 */
import type { AlertsEvent } from '@forewarn/contracts/alerts-api'
import { batch } from '@preact/signals'
import type { DistrictView, Greeting, HealthNotice, Snapshot, Tick } from '../wire.ts'
import { say, t } from './language.ts'
import { isUnacknowledged } from './order.ts'
import { ask } from './server.ts'
import {
  alertsLive,
  announcement,
  conditions,
  dataAgeMs,
  district,
  figures,
  greeting,
  linkLostAtMs,
  loaded,
  nowMs,
  placeOf,
  speed,
  takeUnit,
  takeWarning,
  troubles,
  units,
  warnings,
} from './state.ts'

/** The server ticks every second; ten missed ones are a lost link. */
const lostAfterWallMs = 10_000
const refreshWallMs = 30_000

let houseAtHeardMs = 0
/** House ms per wall ms since the last tick: 0 while a drill waits to begin. */
let pace = 1
let heardWallMs = 0
let stream: EventSource | undefined
let whenBack: () => void = () => {}

/** Asks who is signed in. */
export async function greet(): Promise<void> {
  const reply = await ask<Greeting>('/api/greeting')
  if (reply.ok) greeting.value = reply.body
  else setTimeout(() => void greet(), 2000)
}

/** Begins once somebody is signed in. `back` is called when the link stands again after it was lost. */
export function goLive(back: () => void): void {
  whenBack = back
  heardWallMs = performance.now()
  void loadDistrict()
  openStream()
  setInterval(beat, 250)
  // What has no events of its own (conditions of places) is asked for again now and then.
  setInterval(() => void loadSnapshot(), refreshWallMs)
}

async function loadDistrict(): Promise<void> {
  const reply = await ask<DistrictView>('/api/district')
  if (reply.ok) district.value = reply.body
  else setTimeout(() => void loadDistrict(), 2000)
}

function openStream(): void {
  stream?.close()
  stream = new EventSource('/api/events')
  stream.addEventListener('open', () => void loadSnapshot())
  stream.addEventListener('reset', () => void loadSnapshot())
  stream.addEventListener('tick', event => takeTick(JSON.parse(event.data)))
  stream.addEventListener('health', event => takeHealth(JSON.parse(event.data)))
  stream.addEventListener('warning', event => takeEvent(JSON.parse(event.data)))
  stream.addEventListener('unit', event => takeEvent(JSON.parse(event.data)))
  stream.addEventListener('error', () => {
    if (stream?.readyState !== EventSource.CLOSED) return
    // Closed for good: the server refused. Either the session is over, or it is just starting.
    void greet()
    setTimeout(openStream, 2000)
  })
}

let loading = false
let again = false

async function loadSnapshot(): Promise<void> {
  if (loading) {
    again = true
    return
  }
  loading = true
  const reply = await ask<Snapshot>('/api/snapshot')
  loading = false
  if (reply.ok) takeSnapshot(reply.body)
  else setTimeout(() => void loadSnapshot(), 2000)
  if (again) {
    again = false
    await loadSnapshot()
  }
}

function takeSnapshot(snapshot: Snapshot): void {
  batch(() => {
    heard(snapshot.nowMs, snapshot.speed)
    if (snapshot.warnings !== null) {
      const before = warnings.value
      const newest = snapshot.warnings.map(warning => {
        const known = before?.get(warning.id)
        return known !== undefined && known.version > warning.version ? known : warning
      })
      warnings.value = new Map(newest.map(warning => [warning.id, warning]))
    }
    if (snapshot.units !== null) units.value = new Map(snapshot.units.map(unit => [unit.unitId, unit]))
    if (snapshot.conditions !== null) conditions.value = snapshot.conditions
    figures.value = snapshot.figures
    dataAgeMs.value = snapshot.figures.dataAgeMs
    troubles.value = snapshot.troubles
    loaded.value = true
  })
}

function takeTick(tick: Tick): void {
  batch(() => {
    heard(tick.nowMs, tick.speed)
    dataAgeMs.value = tick.dataAgeMs ?? dataAgeMs.value
    alertsLive.value = tick.alertsLive
  })
}

function takeHealth(health: HealthNotice): void {
  batch(() => {
    figures.value = health.figures
    dataAgeMs.value = health.figures.dataAgeMs
    // As soon as `alerts` answers again, what could not be known before is asked for.
    const back = troubles.value.length > health.troubles.length || warnings.value === null
    troubles.value = health.troubles
    if (back) void loadSnapshot()
  })
}

function takeEvent(event: AlertsEvent): void {
  if (event.type === 'unit') return takeUnit(event.unit)
  const { warning } = event
  const isNew = takeWarning(warning)
  if (!isNew || !isUnacknowledged(warning)) return
  const place = placeOf(warning.placeId)
  announcement.value = t('newWarning', {
    level: t(warning.level),
    place: place === undefined ? warning.placeId : say(place.name),
    what: say(warning.title),
  })
}

function heard(houseMs: number, houseSpeed: number): void {
  pace = houseMs === houseAtHeardMs ? 0 : houseSpeed
  houseAtHeardMs = houseMs
  heardWallMs = performance.now()
  speed.value = houseSpeed
  if (nowMs.value === 0) nowMs.value = houseMs
  if (linkLostAtMs.value === null) return
  linkLostAtMs.value = null
  whenBack()
}

function beat(): void {
  const silentMs = performance.now() - heardWallMs
  if (houseAtHeardMs === 0) return
  const houseMs = houseAtHeardMs + silentMs * pace
  if (Math.floor(houseMs / 1000) !== Math.floor(nowMs.value / 1000)) nowMs.value = houseMs
  if (silentMs > lostAfterWallMs && linkLostAtMs.value === null) linkLostAtMs.value = houseAtHeardMs
}
