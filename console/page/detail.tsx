/** The selected warning: what, where, when, what to do; then how sure, why, and how old. */
import type { Warning } from '@forewarn/contracts/warning'
import { Actions } from './actions.tsx'
import { forecast, series } from './charts.ts'
import { age, clockTime, measured, percent } from './format.ts'
import { Hydrograph } from './hydrograph.tsx'
import { say, t } from './language.ts'
import { LevelMark } from './level-mark.tsx'
import { limitsOf } from './limits.ts'
import { Plan } from './plan.tsx'
import { quantityOf } from './quantity-of.ts'
import { nowMs, placeOf, selected, zone } from './state.ts'
import { TimeLeft } from './time-left.tsx'
import { Timeline } from './timeline.tsx'

export function Detail() {
  const warning = selected.value
  if (warning === undefined) return null
  return (
    <section class="detail" aria-label={say(warning.title)} data-warning={warning.id}>
      <div class="detail-scroll" tabIndex={0} role="group" aria-label={t('warnings')}>
        <Head warning={warning} />
        <Facts warning={warning} />
        <Hydrograph />
        <Plan warning={warning} />
        <Timeline warning={warning} />
      </div>
      <Actions warning={warning} />
    </section>
  )
}

function Head({ warning }: { warning: Warning }) {
  const place = placeOf(warning.placeId)
  const issued = warning.evidence.forecast?.issuedAtMs
  return (
    <div class="detail-head">
      <LevelMark level={warning.level} size="big" />
      <div>
        <h2>{place === undefined ? warning.placeId : say(place.name)}</h2>
        <p class="detail-what">
          {say(warning.title)}
          <When warning={warning} />
        </p>
      </div>
      <p class="detail-why">{say(warning.evidence.reason)}</p>
      <p class="detail-origin">
        {t('rule', { rule: warning.rule, version: warning.ruleVersion })}
        {issued !== undefined && ` · ${t('run', { time: clockTime(issued, zone()) })}`}
        {warning.retrospective && ` · ${t('late')}`}
        {warning.evidence.readings.map(reading => (
          <span key={reading.sensor}>
            {' · '}
            {t('readingLine', {
              name: reading.sensor,
              value: measured(reading.quantity, reading.value),
              age: age(nowMs.value - reading.measuredAtMs),
            })}
          </span>
        ))}
      </p>
    </div>
  )
}

function When({ warning }: { warning: Warning }) {
  const at = warning.expectedAtMs
  if (at === undefined) return null
  const [time, from, to] = [clockTime(at.p50, zone()), clockTime(at.p10, zone()), clockTime(at.p90, zone())]
  return <span> · {t('whenLine', { time, from, to })}</span>
}

function Facts({ warning }: { warning: Warning }) {
  const fan = forecast.value
  const decisive = limitsOf(warning, fan).find(limit => limit.decides)
  const quantity = quantityOf(warning)
  const peak = peakOf(warning)
  const horizonMin = fan?.crossings.find(crossing => crossing.limit === decisive?.value)?.horizonMin
  return (
    <dl class="facts">
      <Fact label={t('toThreshold')} note={limitNote(decisive, quantity)}>
        <TimeLeft warning={warning} />
      </Fact>
      <Fact label={t('probability')} note={horizonMin === undefined ? '' : t('within', { n: horizonMin })}>
        {warning.probability === undefined ? '—' : percent(warning.probability)}
      </Fact>
      <LevelNow warning={warning} quantity={quantity} />
      <Fact
        label={t('peakMedian')}
        note={peak === undefined ? '' : t('peakAt', { time: clockTime(peak.atMs, zone()) })}
      >
        {peak === undefined ? '—' : measured(quantity, peak.value)}
      </Fact>
    </dl>
  )
}

type Child = string | preact.JSX.Element

function Fact({ label, note, children }: { label: string; note: string; children: Child }) {
  return (
    <div class="fact">
      <dt>{label}</dt>
      <dd>
        <span class="fact-value">{children}</span>
        <span class="fact-note">{note}</span>
      </dd>
    </div>
  )
}

function limitNote(limit: { value: number; word: string } | undefined, quantity: string): string {
  return limit === undefined ? '' : t('toLimit', { line: limit.word, limit: measured(quantity, limit.value) })
}

/** The newest observed value: from the curve, else from the reading that decided. */
function LevelNow({ warning, quantity }: { warning: Warning; quantity: string }) {
  const newest = newestOf(warning)
  if (newest === undefined)
    return (
      <Fact label={t('levelNow')} note="">
        —
      </Fact>
    )
  return (
    <Fact label={t('levelNow')} note={t('ago', { age: age(nowMs.value - newest.atMs) })}>
      {measured(quantity, newest.value)}
    </Fact>
  )
}

function newestOf(warning: Warning): { atMs: number; value: number } | undefined {
  const curve = series.value
  if (curve?.placeId === warning.placeId && curve.series !== null) {
    const { atMs, value } = curve.series
    for (let i = value.length - 1; i >= 0; i--) {
      const [time, v] = [atMs[i], value[i]]
      if (time !== undefined && typeof v === 'number') return { atMs: time, value: v }
    }
  }
  const reading = warning.evidence.readings.find(one => one.quantity === quantityOf(warning))
  return reading === undefined ? undefined : { atMs: reading.measuredAtMs, value: reading.value }
}

function peakOf(warning: Warning): { atMs: number; value: number } | undefined {
  const fan = forecast.value
  if (fan === undefined || warning.id !== selected.value?.id) return undefined
  let peak: { atMs: number; value: number } | undefined
  for (const [i, value] of fan.p50.entries()) {
    if (peak === undefined || value > peak.value)
      peak = { atMs: fan.issuedAtMs + (fan.leadMin[i] ?? 0) * 60_000, value }
  }
  return peak
}
