/** The list of open warnings: one row each, in an order that stands still under the pointer. */
import type { Warning } from '@forewarn/contracts/warning'
import { choose } from './commands.ts'
import { clockSeconds, clockTime, percent, stopwatch } from './format.ts'
import { say, t } from './language.ts'
import { LevelMark } from './level-mark.tsx'
import { isUnacknowledged } from './order.ts'
import { orderWords } from './plan.tsx'
import {
  lastClosed,
  listHeld,
  listOrder,
  nowMs,
  pending,
  placeOf,
  selected,
  unacknowledged,
  wantedOrder,
  warnings,
  zone,
} from './state.ts'
import { TimeLeft } from './time-left.tsx'

export function WarningList() {
  const { ids, newIds } = listOrder.value
  const byId = warnings.value
  const rows = ids.flatMap(id => byId?.get(id) ?? [])
  const hold = () => (listHeld.value = true)
  const release = () => (listHeld.value = false)
  return (
    <section class="list" aria-label={t('warningList')}>
      <div class="pane-head">
        <h2>
          {t('warnings')} <span class="pane-count">{byId === null ? '?' : wantedOrder.value.length}</span>
        </h2>
        {newIds.length > 0 ? (
          <button type="button" class="new-above" onClick={release}>
            {t('newAbove', { n: newIds.length })}
          </button>
        ) : (
          <span>
            {t('unacknowledged')} <span class="pane-count">{byId === null ? '?' : unacknowledged.value.length}</span>
          </span>
        )}
      </div>
      {rows.length === 0 ? (
        <EmptyList />
      ) : (
        <div
          class="rows"
          role="listbox"
          aria-label={t('warningList')}
          tabIndex={0}
          aria-activedescendant={selected.value === undefined ? undefined : `row-${selected.value.id}`}
          onPointerEnter={hold}
          onPointerLeave={release}
          onKeyDown={event => moveByArrow(event, ids)}
        >
          {rows.map(warning => (
            <Row key={warning.id} warning={warning} />
          ))}
        </div>
      )}
    </section>
  )
}

function moveByArrow(event: KeyboardEvent, ids: readonly string[]): void {
  const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
  if (by === 0) return
  event.preventDefault()
  const next = ids[ids.indexOf(selected.value?.id ?? '') + by]
  if (next !== undefined) choose(next)
}

function EmptyList() {
  if (warnings.value === null) return <p class="empty hatched">{t('cannotSay')}</p>
  const last = lastClosed.value
  const place = last === undefined ? undefined : placeOf(last.placeId)
  return (
    <div class="empty">
      <p class="empty-title">{t('noWarnings')}</p>
      <p>
        {last === undefined || place === undefined
          ? t('noneClosed')
          : t('lastClosed', { time: clockTime(last.clearedAtMs ?? last.raisedAtMs, zone()), place: say(place.name) })}
      </p>
    </div>
  )
}

function Row({ warning }: { warning: Warning }) {
  const place = placeOf(warning.placeId)
  const isSelected = selected.value?.id === warning.id
  const waits = isUnacknowledged(warning)
  const sent = pending.value.get(warning.id)
  const classes = ['row', isSelected ? 'selected' : '', waits ? 'waits' : '', sent === undefined ? '' : 'pending']
  return (
    // Keys are taken by the list around it, which holds the focus.
    <div
      id={`row-${warning.id}`}
      class={classes.join(' ')}
      role="option"
      aria-selected={isSelected}
      data-level={warning.level}
      onClick={() => choose(warning.id)}
    >
      <LevelMark level={warning.level} />
      <div class="row-text">
        <div class="row-line">
          <span class="row-place">{place === undefined ? warning.placeId : say(place.name)}</span>
          <span class="row-left">
            <TimeLeft warning={warning} />
          </span>
        </div>
        <div class="row-line">
          <span class="row-what">
            {say(warning.title)}
            {warning.probability !== undefined && ` · ${percent(warning.probability)}`}
          </span>
          <span class="row-who">{sent === undefined ? stateOf(warning) : sendingText(sent)}</span>
        </div>
      </div>
    </div>
  )
}

function sendingText({ status, atMs }: { status: 'sending' | 'queued'; atMs: number }): string {
  return status === 'sending' ? t('sending') : t('queued', { time: clockSeconds(atMs, zone()) })
}

/** Who has it: nobody yet and for how long, a unit, or a person. */
function stateOf(warning: Warning): string {
  if (warning.state === 'returned-unacknowledged') return t('returnedUnacked')
  if (isUnacknowledged(warning)) return t('unackedFor', { age: stopwatch(nowMs.value - warning.raisedAtMs) })
  const order = warning.orders.find(one => one.state !== 'stood-down' && one.state !== 'released')
  if (order !== undefined) return `${order.unitId} · ${t(orderWords[order.state])}`
  return warning.acknowledgedBy ?? ''
}
