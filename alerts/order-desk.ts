/**
 * Orders within one transaction: which units a warning still wants, reserving them, telling them to go or to stand
 * down, and what their reports change.
 */
import type { Place } from '@forewarn/contracts/district'
import { compareConditions } from '@forewarn/contracts/level'
import type { Order, ProgressMessage } from '@forewarn/contracts/order'
import type { Text } from '@forewarn/contracts/text'
import type { UnitStatus } from '@forewarn/contracts/warning'
import { type Desk, tell } from './desk.ts'
import { type Assignment, chooseUnits, type FreeUnit, type Need } from './dispatch.ts'
import { end, isLive, issue, isUnderWay, messageOf, report } from './order-life.ts'
import type { Plan, Response } from './plan.ts'
import type { StoredWarning } from './records.ts'

/** Sends what the plan wants for this warning, and for those that are still waiting for a unit. */
export async function sendUnits(desk: Desk, warningId?: string): Promise<void> {
  const own = warningId === undefined ? undefined : await desk.work.warning(warningId)
  const others = (await desk.work.wanting()).filter(({ warning }) => warning.id !== warningId)
  const needs: Need[] = []
  for (const stored of own ? [own, ...others] : others) needs.push(...(await needsOf(desk, stored)))
  const units = needs.length === 0 ? [] : await freeUnits(desk)
  const { assignments, unmet } = chooseUnits(needs, units, desk.findRoute)
  for (const assignment of assignments) await reserve(desk, assignment)
  for (const { warning } of own ? [own, ...others] : others) {
    await noteUnmet(desk, warning.id, unmet.filter(need => need.warningId === warning.id).length)
  }
}

function responseOf({ plans }: Desk, { plan, warning }: StoredWarning): { plan: Plan; response: Response } | undefined {
  const known = plans.get(plan ?? '')
  const response = known?.levels[warning.level]
  return known && response ? { plan: known, response } : undefined
}

async function needsOf(desk: Desk, stored: StoredWarning): Promise<Need[]> {
  const { warning, vetoedLevel } = stored
  const { level } = warning
  const place = desk.district.places.find(({ id }) => id === warning.placeId)
  const wanted = responseOf(desk, stored)
  if (level === 'unknown' || place === undefined || wanted === undefined) return []
  if (vetoedLevel !== undefined && compareConditions(level, vetoedLevel) >= 0) return []
  const { response, plan } = wanted
  const orders = (await desk.work.orders(warning.id)).filter(isLive)
  const kinds = new Map(desk.district.units.map(({ id, kind }) => [id, kind]))
  const { destination } = destinationOf(plan, place)
  const due = warning.expectedAtMs && {
    mustArriveByMs: warning.expectedAtMs.p50,
    mayComeAtMs: warning.expectedAtMs.p10,
  }
  const leaveAtMs = desk.atMs + (response.autonomy === 'go' ? response.vetoS * 1000 : 0)
  return response.units.flatMap(({ kind, count }) => {
    const missing = count - orders.filter(({ unitId }) => kinds.get(unitId) === kind).length
    const need = { warningId: warning.id, unitKind: kind, level, destination, leaveAtMs, ...due }
    return Array.from({ length: Math.max(0, missing) }, () => need)
  })
}

function destinationOf({ staging }: Plan, place: Place) {
  const point = staging === 'staging-point' ? place.stagingPoints[0] : undefined
  return { destination: point?.position ?? place.position, stagingPointId: point?.id ?? place.id }
}

async function freeUnits({ work, district }: Desk): Promise<FreeUnit[]> {
  const busy = new Set((await work.liveOrders()).map(({ unitId }) => unitId))
  const known = await work.units()
  return district.units.flatMap(({ id, kind, base }) => {
    const status = known.get(id)
    if (busy.has(id) || status?.state === 'broken-down' || status?.state === 'silent') return []
    const position = status ? { lon: status.lon, lat: status.lat, crs: 'WGS-84' as const } : base
    return [{ id, kind, position }]
  })
}

async function reserve(desk: Desk, { need, unitId, route, arrivalAtMs, marginMin }: Assignment): Promise<void> {
  const { work, atMs, district } = desk
  const stored = await work.warning(need.warningId)
  const wanted = stored && responseOf(desk, stored)
  const place = district.places.find(({ id }) => id === stored?.warning.placeId)
  if (stored === undefined || wanted === undefined || place === undefined) return
  const goes = wanted.response.autonomy === 'go'
  const { warning } = stored
  const order: Order = {
    id: `${warning.id}.o${(await work.orders(warning.id)).length + 1}`,
    warningId: warning.id,
    unitId,
    placeId: place.id,
    stagingPointId: destinationOf(wanted.plan, place).stagingPointId,
    stagingPosition: need.destination,
    state: goes ? 'reserved' : 'proposed',
    mode: warning.mode,
    routeM: Math.round(route.lengthM),
    route: route.points,
    expectedArrivalAtMs: arrivalAtMs,
    mustArriveByMs: need.mustArriveByMs,
    marginMin,
    changedAtMs: atMs,
    vetoUntilMs: goes ? need.leaveAtMs : undefined,
  }
  work.putOrder(order)
  await assignUnit(desk, order)
  await tell(desk, warning.id, { event: goes ? 'unit-reserved' : 'unit-proposed', detail: reservedText(desk, order) })
  if (goes) work.ask(`veto.${order.id}`, { kind: 'await-veto', orderId: order.id, dueAtMs: need.leaveAtMs })
}

/** Arrival against onset, in words: a negative margin is said, not hidden. */
function reservedText(desk: Desk, { unitId, routeM, marginMin }: Order): Text {
  const { zh, en } = unitName(desk, unitId)
  const km = (routeM / 1000).toFixed(1)
  if (marginMin === undefined) return { zh: `${zh}，${km} km`, en: `${en}, ${km} km` }
  const margin = `${marginMin < 0 ? '−' : '+'}${Math.abs(Math.round(marginMin))}`
  const late = marginMin < 0 ? { zh: '，来不及，仍派最近', en: ', too late, sent all the same' } : { zh: '', en: '' }
  return { zh: `${zh}，${km} km，余量 ${margin} 分${late.zh}`, en: `${en}, ${km} km, margin ${margin} min${late.en}` }
}

function unitName({ district }: Desk, unitId: string): Text {
  return district.units.find(({ id }) => id === unitId)?.name ?? { zh: unitId, en: unitId }
}

async function noteUnmet(desk: Desk, id: string, unmet: number): Promise<void> {
  const stored = await desk.work.warning(id)
  if (stored === undefined || stored.unmet === unmet) return
  desk.work.put({ ...stored, unmet })
  if (unmet <= stored.unmet) return
  await tell(desk, id, {
    event: 'no-unit',
    detail: { zh: `缺 ${unmet} 支力量`, en: `${unmet} wanted and none is free` },
  })
}

async function assignUnit({ work, district, atMs }: Desk, { unitId, id }: Order): Promise<void> {
  const status = (await work.units()).get(unitId)
  const base = district.units.find(unit => unit.id === unitId)?.base
  if (status) work.putUnit({ ...status, orderId: id })
  else if (base) work.putUnit({ unitId, state: 'free', orderId: id, lon: base.lon, lat: base.lat, atMs })
}

/** The veto window of an order has ended: the unit goes. An order that was changed meanwhile is left alone. */
export async function issueReserved(
  desk: Desk,
  { orderId, dueAtMs }: { orderId: string; dueAtMs: number },
): Promise<void> {
  const order = await desk.work.order(orderId)
  if (order?.state !== 'reserved' || order.vetoUntilMs !== dueAtMs) return
  await go(desk, order, 'machine')
}

/** An officer says go: every order of the warning that still waits is issued at once. */
export async function issueOrders(desk: Desk, { warningId, by }: { warningId: string; by: string }): Promise<void> {
  for (const order of await desk.work.orders(warningId)) await go(desk, order, by)
}

async function go(desk: Desk, order: Order, by: string): Promise<void> {
  const issued = issue(order, desk.atMs)
  if (issued === undefined) return
  desk.work.putOrder(issued)
  send(desk, issued, 'go')
  const { zh, en } = unitName(desk, order.unitId)
  await tell(desk, order.warningId, { by, event: 'unit-ordered', detail: { zh: `${zh} 出发`, en: `${en} told to go` } })
}

function send({ work, district, atMs }: Desk, order: Order, action: 'go' | 'stand-down'): void {
  const gateway = district.units.find(({ id }) => id === order.unitId)?.gateway
  if (gateway === undefined) return
  work.ask(`order.${order.id}.${action}`, { kind: 'send-order', gateway, message: messageOf(order, action, atMs) })
}

/** Ends every live order of a warning, and tells those under way to stand down. */
export async function endOrders(desk: Desk, warningId: string, reason: Text): Promise<void> {
  const live = (await desk.work.orders(warningId)).filter(isLive)
  const stored = await desk.work.warning(warningId)
  if (stored && stored.unmet > 0) desk.work.put({ ...stored, unmet: 0 })
  for (const order of live) await endOrder(desk, order, reason)
  if (live.length > 0) await sendUnits(desk)
}

async function endOrder(desk: Desk, order: Order, reason: Text): Promise<void> {
  const ended = end(order, desk.atMs)
  if (ended === undefined) return
  desk.work.putOrder(ended)
  if (isUnderWay(order)) send(desk, ended, 'stand-down')
  await freeUnit(desk, ended)
  const { zh, en } = unitName(desk, order.unitId)
  const event = ended.state === 'released' ? 'unit-released' : 'unit-stood-down'
  await tell(desk, order.warningId, { event, detail: { zh: `${zh}：${reason.zh}`, en: `${en}: ${reason.en}` } })
}

async function freeUnit({ work }: Desk, { unitId, id }: Order): Promise<void> {
  const status = (await work.units()).get(unitId)
  if (status?.orderId !== id) return
  const { orderId: _, ...rest } = status
  work.putUnit(rest)
}

/** What a truck says: where it is, and how far its order is. A report older than the last one is dropped. */
export async function reportProgress(desk: Desk, progress: ProgressMessage): Promise<void> {
  const { work } = desk
  const before = (await work.units()).get(progress.unitId)
  if (before && progress.atMs < before.atMs) return
  work.putUnit(statusOf(progress, before))
  const order = progress.orderId === undefined ? undefined : await work.order(progress.orderId)
  if (order === undefined || order.unitId !== progress.unitId) {
    if (before?.state !== 'free' && progress.state === 'free') await sendUnits(desk)
    return
  }
  const reported = report(order, progress)
  if (reported === undefined) return
  work.putOrder(reported)
  const { zh, en } = unitName(desk, order.unitId)
  const words = progressWords[progress.state]
  const detail = { zh: `${zh} ${words.zh}`, en: `${en} ${words.en}` }
  await tell(desk, order.warningId, { event: `unit-${progress.state}`, detail })
  if (isLive(reported)) return
  await freeUnit(desk, reported)
  // One that broke down is replaced; one that is free again may be wanted elsewhere.
  await sendUnits(desk, progress.state === 'broken-down' ? order.warningId : undefined)
}

function statusOf({ unitId, state, orderId, position, atMs }: ProgressMessage, before?: UnitStatus): UnitStatus {
  const held = orderId ?? before?.orderId
  const order = held === undefined ? {} : { orderId: held }
  return { unitId, state, ...order, lon: position.lon, lat: position.lat, atMs }
}

const progressWords: Record<ProgressMessage['state'], Text> = {
  free: { zh: '待命', en: 'is free' },
  moving: { zh: '在途', en: 'is on its way' },
  staged: { zh: '到位', en: 'stands at the staging point' },
  working: { zh: '抽排', en: 'is pumping' },
  released: { zh: '撤收', en: 'was released' },
  'broken-down': { zh: '故障', en: 'broke down' },
}
