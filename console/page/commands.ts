/**
 * What an officer does to a warning. The server's answer turns the row, not the key; what cannot be sent is kept
 * with the time it was pressed and sent when the link is back.
 */
import type { Command, CommandAnswer } from '@forewarn/contracts/alerts-api'
import type { Warning } from '@forewarn/contracts/warning'
import { batch } from '@preact/signals'
import { say, t } from './language.ts'
import { greet } from './live.ts'
import { postCommand } from './server.ts'
import {
  announcement,
  chosenId,
  greeting,
  notice,
  nowMs,
  pending,
  placeOf,
  selected,
  takeWarning,
  vetoOpen,
} from './state.ts'

type PageCommand = Omit<Command, 'by'>
export type Action = Command['action']

/** After the selection has moved by itself, a key is not taken for so long: it was meant for the row before. */
const settleWallMs = 600

let queue: PageCommand[] = []
let selectedBefore: string | undefined
let movedWallMs = Number.NEGATIVE_INFINITY
let movedByOfficer = true

/** To be told whenever the selected warning changes. */
export function noteSelection(id: string | undefined): void {
  if (id === selectedBefore) return
  selectedBefore = id
  if (!movedByOfficer) movedWallMs = performance.now()
  movedByOfficer = false
}

/** The officer chooses a row. */
export function choose(id: string | undefined): void {
  movedByOfficer = true
  batch(() => {
    chosenId.value = id
    vetoOpen.value = false
  })
}

/** Orders that a veto could still stop, or that still run. */
export function liveOrders(warning: Warning) {
  return warning.orders.filter(order => order.state !== 'stood-down' && order.state !== 'released')
}

/** Does `action` to the selected warning. */
export function act(action: Action, reason?: string): void {
  const warning = selected.value
  if (warning === undefined || pending.value.has(warning.id)) return
  if (greeting.value?.officer?.role === 'observer') return tell(t('observerOnly'))
  if (performance.now() - movedWallMs < settleWallMs) return tell(t('pressAgain'))
  const command: PageCommand = {
    commandId: newCommandId(),
    warningId: warning.id,
    expectedVersion: warning.version,
    action,
    seenAtMs: Math.round(nowMs.value),
    ...(reason === undefined ? {} : { reason }),
  }
  // The next one is chosen by the officer's own deed, so it may be answered at once.
  movedByOfficer = true
  batch(() => {
    vetoOpen.value = false
    if (action !== 'escalate' && action !== 'note') chosenId.value = undefined
    mark(warning.id, 'sending', command.seenAtMs)
  })
  void send(command)
}

/** Sends what could not be sent before. */
export function sendQueued(): void {
  const waiting = queue
  queue = []
  for (const command of waiting) {
    mark(command.warningId, 'sending', command.seenAtMs)
    void send(command)
  }
}

async function send(command: PageCommand): Promise<void> {
  const { status, answer } = await postCommand(command)
  if (answer !== undefined) return settle(command, answer)
  if (status === 401) void greet()
  if (status === 403 || status === 422) {
    unmark(command.warningId)
    return tell(t('notPossible', { detail: String(status) }))
  }
  queue.push(command)
  mark(command.warningId, 'queued', command.seenAtMs)
  tell(t('notSent'))
  // The link may be lost without the stream having noticed: try again by ourselves as well.
  setTimeout(sendQueued, 4000)
}

function settle(command: PageCommand, answer: CommandAnswer): void {
  batch(() => {
    unmark(command.warningId)
    if (answer.warning !== undefined) takeWarning(answer.warning)
    if (answer.result === 'somebody-was-first') tell(t('takenBy', { name: answer.detail ?? '?' }))
    if (answer.result === 'not-possible') tell(t('notPossible', { detail: answer.detail ?? '' }))
    if (answer.result === 'no-such-warning') tell(t('noSuchWarning'))
    if (answer.result === 'taken') announceDone(command.warningId, answer.warning)
  })
}

function announceDone(warningId: string, warning: Warning | undefined): void {
  const place = placeOf(warning?.placeId ?? '')
  announcement.value = t('done', { place: place === undefined ? warningId : say(place.name) })
}

function mark(warningId: string, status: 'sending' | 'queued', atMs: number): void {
  pending.value = new Map(pending.value).set(warningId, { status, atMs })
}

function unmark(warningId: string): void {
  const left = new Map(pending.value)
  left.delete(warningId)
  pending.value = left
}

let noticeTimer: ReturnType<typeof setTimeout> | undefined

function tell(text: string): void {
  notice.value = text
  clearTimeout(noticeTimer)
  noticeTimer = setTimeout(() => (notice.value = null), 8000)
}

/** Not `crypto.randomUUID`: on a plain-http address in the duty room's network a browser does not offer it. */
function newCommandId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')
}
