/** The head of the page: how bad, how many, how fresh, who. */
import type { Warning } from '@forewarn/contracts/warning'
import { age, clockDay, clockSeconds, measured, percent, stopwatch } from './format.ts'
import { say, t } from './language.ts'
import { LanguageSwitch } from './language-switch.tsx'
import { LevelMark } from './level-mark.tsx'
import { shownLevels } from './levels.ts'
import { greet } from './live.ts'
import { ModeMark } from './mode-mark.tsx'
import { post } from './server.ts'
import {
  dataAgeMs,
  district,
  figures,
  greeting,
  linkLostAtMs,
  nowMs,
  unacknowledged,
  view,
  wantedOrder,
  warnings,
  zone,
} from './state.ts'

export function Header() {
  const here = district.value
  if (here === undefined) return null
  return (
    <header class="header">
      <div class="header-name">
        <span class="header-district">{say(here.name)}</span>
        <span class="header-duty">{t('duty')}</span>
      </div>
      <Clock />
      <ModeMark mode={here.mode} />
      <Counts />
      <div class="figures">
        <Unanswered />
        <Rain />
      </div>
      <div class="figures figures-right">
        <Freshness />
        <Figure label={t('officer')} value={greeting.value?.officer?.name ?? ''} className="figure-officer" />
      </div>
      <button
        type="button"
        class="quiet-button header-system"
        aria-pressed={view.value === 'system'}
        onClick={() => (view.value = view.value === 'system' ? 'duty' : 'system')}
      >
        {t('system')}
      </button>
      <LanguageSwitch />
      <button type="button" class="quiet-button header-out" onClick={signOut}>
        {t('signOut')}
      </button>
    </header>
  )
}

async function signOut(): Promise<void> {
  await post('/api/sign-out', {})
  await greet()
}

function Clock() {
  const at = nowMs.value
  // In a replay the day is part of the time: the house lives in another one.
  const isOther = district.value?.mode !== 'actual'
  return (
    <div class="header-clock">
      {isOther && <span class="header-day">{clockDay(at, zone())}</span>}
      <time>{clockSeconds(at, zone())}</time>
    </div>
  )
}

function Counts() {
  const known = warnings.value !== null
  return (
    <ul class="counts" aria-label={t('warnings')}>
      {shownLevels.map(level => {
        const n = wantedOrder.value.filter(warning => warning.level === level).length
        return (
          <li
            key={level}
            class={n === 0 ? 'count none' : `count count-${level}`}
            title={t('levelCount', { level: t(level), n })}
          >
            <LevelMark level={level} size="small" />
            <span class="count-number">{known ? n : '?'}</span>
          </li>
        )
      })}
    </ul>
  )
}

function Figure({
  label,
  value,
  className = '',
  old = false,
}: {
  label: string
  value: string
  className?: string
  old?: boolean
}) {
  return (
    <div class={`figure ${className} ${old ? 'old' : ''}`}>
      <span class="figure-label">{label}</span>
      <span class="figure-value">{value}</span>
    </div>
  )
}

function Unanswered() {
  const waiting = unacknowledged.value
  const oldest = waiting.reduce<Warning | undefined>(
    (a, b) => (a === undefined || b.raisedAtMs < a.raisedAtMs ? b : a),
    undefined,
  )
  const since = oldest === undefined ? '' : ` · ${t('oldest', { age: stopwatch(nowMs.value - oldest.raisedAtMs) })}`
  const count = warnings.value === null ? '?' : String(waiting.length)
  return <Figure label={t('unacknowledged')} value={`${count}${since}`} className="figure-unanswered" />
}

function Rain() {
  const now = figures.value?.rainNowMmPerHour
  const hour = figures.value?.rainLastHourMm
  return (
    <>
      <Figure
        label={t('rainNow')}
        value={typeof now === 'number' ? `${now.toFixed(now < 10 ? 1 : 0)} mm/h` : '—'}
        className="figure-rain"
      />
      <Figure
        label={t('rainHour')}
        value={typeof hour === 'number' ? measured('rain', hour) : '—'}
        className="figure-rain"
      />
    </>
  )
}

function Freshness() {
  // While the link is lost the data grows older by itself, and is hatched: nobody knows what came since.
  const lost = linkLostAtMs.value
  const known = dataAgeMs.value
  const since = known === null || lost === null ? known : known + nowMs.value - lost
  const old = since === null || lost !== null || since > (figures.value?.oldAfterMs ?? Number.POSITIVE_INFINITY)
  const silent = figures.value?.silentSensors
  const all = figures.value?.sensors ?? 0
  const share = typeof silent === 'number' && all > 0 ? percent(silent / all, 1) : '—'
  return (
    <>
      <Figure label={t('dataAge')} value={since === null ? '—' : age(since)} old={old} />
      <Figure label={t('silent')} value={share} className="figure-silent" />
    </>
  )
}
