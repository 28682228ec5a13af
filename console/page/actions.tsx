/** What an officer can do now. One key or one press; nothing asks "are you sure". */
import type { Warning } from '@forewarn/contracts/warning'
import { act, liveOrders } from './commands.ts'
import { clockSeconds, clockTime, stopwatch } from './format.ts'
import { mainAction } from './keys.ts'
import { t } from './language.ts'
import { isUnacknowledged } from './order.ts'
import { greeting, nowMs, pending, vetoOpen, zone } from './state.ts'
import { vetoReasons } from './veto-reasons.ts'

export function Actions({ warning }: { warning: Warning }) {
  if (greeting.value?.officer?.role === 'observer') return null
  const sent = pending.value.get(warning.id)
  if (sent !== undefined) {
    const text = sent.status === 'sending' ? t('sending') : t('queued', { time: clockSeconds(sent.atMs, zone()) })
    return <div class="actions sent">{text}</div>
  }
  return (
    <div class="actions">
      <Escalation warning={warning} />
      {vetoOpen.value ? <VetoReasons /> : <Buttons warning={warning} />}
    </div>
  )
}

function Buttons({ warning }: { warning: Warning }) {
  const waits = isUnacknowledged(warning)
  const sends = mainAction() === 'acknowledge-and-dispatch'
  return (
    <div class="buttons">
      {waits && (
        <button type="button" class="main-button" onClick={() => act(mainAction())}>
          {t(sends ? 'confirmAndSend' : 'confirm')} <kbd>A</kbd>
        </button>
      )}
      {waits && sends && (
        <button type="button" class="side-button" onClick={() => act('acknowledge')}>
          {t('confirmOnly')} <kbd>S</kbd>
        </button>
      )}
      <button type="button" class="side-button" onClick={() => act('escalate')}>
        {t('escalate')} <kbd>E</kbd>
      </button>
      {liveOrders(warning).length > 0 && (
        <button type="button" class="side-button" onClick={() => (vetoOpen.value = true)}>
          {t('veto')} <kbd>X</kbd>
        </button>
      )}
    </div>
  )
}

function VetoReasons() {
  return (
    <div class="veto" role="group" aria-label={t('vetoWhy')}>
      <p>{t('vetoWhy')}</p>
      {vetoReasons().map((reason, index) => (
        <button type="button" class="side-button" key={reason} onClick={() => act('veto', reason)}>
          {reason} <kbd>{index + 1}</kbd>
        </button>
      ))}
      <button type="button" class="side-button" onClick={() => (vetoOpen.value = false)}>
        {t('cancel')} <kbd>Esc</kbd>
      </button>
    </div>
  )
}

/** Who has acknowledged, or who is rung next and when. */
function Escalation({ warning }: { warning: Warning }) {
  const said: string[] = []
  if (warning.escalation > 0)
    said.push(t('escalatedTo', { who: t(warning.escalation === 1 ? 'shiftLead' : 'districtChief') }))
  const { escalatesAtMs, acknowledgedBy, acknowledgedAtMs } = warning
  if (isUnacknowledged(warning) && escalatesAtMs !== undefined && escalatesAtMs > nowMs.value) {
    said.push(t('escalatesIn', { time: stopwatch(escalatesAtMs - nowMs.value) }))
  }
  if (!isUnacknowledged(warning) && acknowledgedBy !== undefined) {
    said.push(
      `${t('ackedBy', { name: acknowledgedBy })} ${acknowledgedAtMs === undefined ? '' : clockTime(acknowledgedAtMs, zone())}`,
    )
  }
  return said.length === 0 ? null : <p class="escalation">{said.join(' · ')}</p>
}
