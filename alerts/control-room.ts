/**
 * Where everything that happens to warnings comes together: what rules say, what officers command, what trucks
 * report and which deadlines pass. Each is one transaction; what must be done in the world is asked for in it and
 * done after it.
 */
import type { Command, CommandAnswer } from '@forewarn/contracts/alerts-api'
import type { EpisodeChanged, EpisodeEvent, EpisodeRaised } from '@forewarn/contracts/episode'
import type { KeptAlarm } from '@forewarn/contracts/gateway-messages'
import type { Mode } from '@forewarn/contracts/mode'
import type { ProgressMessage } from '@forewarn/contracts/order'
import type { ControlRoomOptions, Desk } from './desk.ts'
import { type Effect, type LifeEvent, step } from './lifecycle.ts'
import { type AlarmRefusal, showWaitingAlarms, takeLocalAlarm } from './local-alarms.ts'
import { endOrders, issueOrders, issueReserved, reportProgress, sendUnits } from './order-desk.ts'
import type { Deadline, StoredWarning } from './records.ts'

/** `too-early`: it speaks of a warning that has not arrived yet; the job must come again. */
export type EpisodeResult = 'taken' | 'repeat' | 'too-early'

export interface ControlRoom {
  episode(event: EpisodeEvent): Promise<EpisodeResult>
  command(command: Command): Promise<CommandAnswer>
  deadline(deadline: Deadline): Promise<void>
  progress(progress: ProgressMessage): Promise<void>
  localAlarm(kept: KeptAlarm): Promise<AlarmRefusal | undefined>
}

/** Every deed is one transaction of the ledger; `onCommitted` is called once it is written down. */
export function openControlRoom(options: ControlRoomOptions): ControlRoom {
  const committed = async <T>(deed: (desk: Desk) => Promise<T>): Promise<T> => {
    const result = await options.ledger.transaction(work => deed({ ...options, work, atMs: options.clock.nowMs() }))
    options.onCommitted()
    return result
  }
  return {
    episode: event => committed(desk => takeEpisode(desk, event)),
    command: command => committed(desk => takeCommand(desk, command)),
    deadline: deadline => committed(desk => takeDeadline(desk, deadline)),
    progress: progress => committed(desk => reportProgress(desk, progress)),
    localAlarm: kept => committed(desk => takeLocalAlarm(desk, kept)),
  }
}

async function takeEpisode(desk: Desk, said: EpisodeEvent): Promise<EpisodeResult> {
  const { work } = desk
  const event = { ...said, mode: leastReal(said.mode, desk.mode) }
  if (event.kind === 'verified') work.putOutcome(event)
  const before = await work.warning(event.episodeId)
  if (before === undefined && event.kind === 'verified') return 'taken'
  if (before === undefined && event.kind === 'cleared') return 'too-early'
  if (before !== undefined && event.step <= before.lastStep) return 'repeat'
  const plan = 'plan' in event && event.plan !== undefined ? { plan: event.plan } : {}
  const known = before && { ...before, ...plan, lastStep: event.step }
  const after = await happen(desk, known, lifeEventOf(event), { ...plan, lastStep: event.step })
  if (after === undefined && known !== undefined) work.put(known)
  if (before === undefined && after !== undefined) await showWaitingAlarms(desk, after.warning)
  return 'taken'
}

/** A house on an exercise never takes anything for real, whatever the episode claims. */
function leastReal(said: Mode, house: Mode): Mode {
  return house === 'actual' ? said : house
}

function lifeEventOf(event: EpisodeEvent): LifeEvent {
  if (event.kind === 'cleared') return { kind: 'cleared', reason: event.reason }
  if (event.kind === 'verified') return { kind: 'verified', episode: event }
  return raisedOf(event)
}

function raisedOf(episode: EpisodeRaised | EpisodeChanged): LifeEvent {
  return { kind: 'raised', episode }
}

/** Takes one step of the lifecycle and does what follows from it. Undefined when nothing changed. */
async function happen(
  desk: Desk,
  before: StoredWarning | undefined,
  event: LifeEvent,
  fresh: { plan?: string; lastStep: number } = { lastStep: -1 },
): Promise<StoredWarning | undefined> {
  const stepped = step(before?.warning, event, desk.atMs)
  if (stepped === undefined) return undefined
  const base = before ?? { ...fresh, decidedVersion: 0, decidedBy: '', roseVersion: 1, unmet: 0 }
  const rose = event.kind === 'raised' && stepped.effects.some(({ kind }) => kind === 'ring')
  const roseVersion = rose ? stepped.warning.version : base.roseVersion
  desk.work.put({ ...base, warning: stepped.warning, roseVersion })
  for (const effect of stepped.effects) await take(desk, stepped.warning.id, { effect, rose })
  return desk.work.warning(stepped.warning.id)
}

async function take(desk: Desk, id: string, { effect, rose }: { effect: Effect; rose: boolean }): Promise<void> {
  const stored = await desk.work.warning(id)
  if (stored === undefined) return
  switch (effect.kind) {
    case 'ring':
      return ring(desk, stored, { role: effect.role, rose })
    case 'await-deadline':
      return desk.work.ask(`escalation.${id}.${effect.dueAtMs}`, {
        kind: 'await-escalation',
        warningId: id,
        dueAtMs: effect.dueAtMs,
      })
    case 'dispatch':
      return sendUnits(desk, id)
    case 'release-orders':
    case 'stand-down-orders':
      return endOrders(desk, id, effect.reason)
  }
}

type Role = Extract<Effect, { kind: 'ring' }>['role']

/** The one whose turn it is, and at a raise or rise everybody whom the plan wants told at this level. */
function ring({ work, plans }: Desk, stored: StoredWarning, { role, rose }: { role: Role; rose: boolean }): void {
  const { id, version, level, mode, title } = stored.warning
  const told = rose ? (plans.get(stored.plan ?? '')?.levels[level]?.tell ?? []) : []
  for (const one of new Set<Role>([role, ...told])) {
    work.ask(`ring.${id}.${version}.${one}`, { kind: 'ring', warningId: id, role: one, level, mode, title })
  }
}

async function takeDeadline(desk: Desk, deadline: Deadline): Promise<void> {
  const { dueAtMs } = deadline
  if (deadline.kind === 'veto') return issueReserved(desk, { orderId: deadline.orderId, dueAtMs })
  await happen(desk, await desk.work.warning(deadline.warningId), { kind: 'deadline-passed', dueAtMs })
}

/** First writer wins; only people and a risen level count as writers: a newer forecast must not cost a key press. */
async function takeCommand(desk: Desk, command: Command): Promise<CommandAnswer> {
  const { work } = desk
  const stored = await work.warning(command.warningId)
  if (stored === undefined) return { result: 'no-such-warning' }
  const before = await work.answerOf(command.commandId)
  if (before !== undefined) return repeated(desk, before, command.warningId)
  const answer = objectionTo(stored, command) ?? (await obey(desk, stored, command))
  work.putAnswer(command, answer)
  return withWarning(desk, answer, command.warningId)
}

function repeated(desk: Desk, before: CommandAnswer, warningId: string): Promise<CommandAnswer> {
  const answer = before.result === 'taken' ? { ...before, result: 'taken-before' as const } : before
  return withWarning(desk, answer, warningId)
}

async function withWarning({ work }: Desk, answer: CommandAnswer, id: string): Promise<CommandAnswer> {
  const stored = await work.warning(id)
  return stored ? { ...answer, warning: { ...stored.warning, orders: await work.orders(id) } } : answer
}

function objectionTo(stored: StoredWarning, { action, expectedVersion }: Command): CommandAnswer | undefined {
  if (action === 'note') return undefined
  if (stored.decidedVersion > expectedVersion) return { result: 'somebody-was-first', detail: stored.decidedBy }
  if (stored.roseVersion > expectedVersion) {
    return { result: 'not-possible', detail: `the level rose to ${stored.warning.level} meanwhile` }
  }
  return undefined
}

async function obey(desk: Desk, stored: StoredWarning, command: Command): Promise<CommandAnswer> {
  const { by, action } = command
  const reason = command.reason ?? ''
  if (action === 'note') {
    await happen(desk, stored, { kind: 'told', by, event: 'note', detail: { zh: reason || '—', en: reason || '—' } })
    return { result: 'taken' }
  }
  if (action === 'resolve' && stored.warning.state === 'active-unacknowledged') {
    return { result: 'not-possible', detail: 'it is active and nobody has acknowledged it' }
  }
  const after = await happen(desk, stored, decisionOf(command, reason))
  const onlyDispatch = action === 'acknowledge-and-dispatch' && stored.warning.state === 'active-acknowledged'
  if (after === undefined && !onlyDispatch) return { result: 'not-possible', detail: `it is ${stored.warning.state}` }
  if (action === 'acknowledge-and-dispatch') await issueOrders(desk, { warningId: stored.warning.id, by })
  await decided(desk, stored.warning.id, command)
  return { result: 'taken' }
}

function decisionOf({ action, by }: Command, reason: string): LifeEvent {
  if (action === 'veto') return { kind: 'vetoed', by, reason }
  if (action === 'escalate') return { kind: 'escalated', by }
  if (action === 'resolve') return { kind: 'resolved', by, reason }
  return { kind: 'acknowledged', by }
}

async function decided({ work }: Desk, id: string, { by, action }: Command): Promise<void> {
  const stored = await work.warning(id)
  if (stored === undefined) return
  const vetoed = action === 'veto' ? { vetoedLevel: stored.warning.level, unmet: 0 } : {}
  work.put({ ...stored, ...vetoed, decidedVersion: stored.warning.version, decidedBy: by })
}
