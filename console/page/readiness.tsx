/** The calm screen's right side: what stands by, what is silent, how good the warnings have been. */
import type { Score } from '@forewarn/contracts/alerts-api'
import { signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { Word } from './dictionary.ts'
import { clockTime, grouped, percent } from './format.ts'
import { say, t } from './language.ts'
import { LevelMark } from './level-mark.tsx'
import { ask } from './server.ts'
import { conditions, district, figures, lastClosed, placeOf, units, zone } from './state.ts'
import { outcomeText, outcomeWords } from './timeline.tsx'

const score = signal<Score | undefined>(undefined)

export function Readiness() {
  const closedId = lastClosed.value?.id
  useEffect(() => {
    void ask<Score>('/api/score').then(reply => {
      if (reply.ok) score.value = reply.body
    })
  }, [closedId])
  return (
    <section class="readiness" aria-label={t('ready')}>
      <div class="pane-head">
        <h2>{t('ready')}</h2>
      </div>
      <div class="readiness-scroll" tabIndex={0} role="group" aria-label={t('ready')}>
        <Units />
        <Silent />
        <Watched />
        <Last />
        <ScoreSoFar />
      </div>
    </section>
  )
}

const unitWords: Record<string, Word> = {
  free: 'free',
  moving: 'moving',
  staged: 'staged',
  working: 'working',
  released: 'released',
  'broken-down': 'brokenDown',
  silent: 'unitSilent',
}

const unitsShown = 8

function Units() {
  const all = district.value?.units ?? []
  const stateOf = (id: string) => units.value.get(id)?.state ?? 'silent'
  const free = all.filter(unit => stateOf(unit.id) === 'free').length
  // Those that are not ready are the ones to look at.
  const sorted = [...all].sort((a, b) => Number(stateOf(a.id) === 'free') - Number(stateOf(b.id) === 'free'))
  return (
    <section class="card">
      <div class="section-head">
        <h3>{t('unit')}</h3>
        <strong>{t('unitsReady', { n: free, all: all.length })}</strong>
      </div>
      <ul class="unit-list">
        {sorted.slice(0, unitsShown).map(unit => (
          <li key={unit.id}>
            <span>{say(unit.name)}</span>
            <span class="order-note">
              {unit.capacityM3PerHour > 0 ? `${grouped(unit.capacityM3PerHour)} m³/h` : t('crew', { n: unit.crew })}
            </span>
            <span class={stateOf(unit.id) === 'free' ? 'unit-state' : 'unit-state notable'}>
              {t(unitWords[stateOf(unit.id)] ?? 'unitSilent')}
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}

function Silent() {
  const silent = figures.value?.silentSensors
  const all = figures.value?.sensors ?? 0
  const text =
    typeof silent !== 'number'
      ? t('unknown')
      : silent === 0
        ? t('allSpeaking', { n: grouped(all) })
        : t('silentOf', { n: grouped(silent), all: grouped(all) })
  return <Line label={t('sensorsSilent')} value={text} hatched={typeof silent !== 'number'} />
}

function Watched() {
  const known = conditions.value
  if (known === null) return <Line label={t('placesWatched')} value={t('unknown')} hatched />
  const blind = known.filter(one => one.condition === 'unknown').length
  const parts = [
    t('placesKnown', { n: known.length - blind }),
    ...(blind > 0 ? [t('placesUnknown', { n: blind })] : []),
  ]
  return <Line label={t('placesWatched')} value={parts.join(' · ')} />
}

function Line({ label, value, hatched = false }: { label: string; value: string; hatched?: boolean }) {
  return (
    <section class={hatched ? 'card line hatched' : 'card line'}>
      <h3>{label}</h3>
      <strong>{value}</strong>
    </section>
  )
}

function Last() {
  const last = lastClosed.value
  if (last === undefined) return null
  const place = placeOf(last.placeId)
  const [from, to] = [last.raisedAtMs, last.clearedAtMs ?? last.raisedAtMs].map(atMs => clockTime(atMs, zone()))
  return (
    <section class="card">
      <div class="section-head">
        <h3>{t('lastWarning')}</h3>
        <span>
          {from}–{to}
        </span>
      </div>
      <div class="last">
        <LevelMark level={last.peakLevel} />
        <div>
          <strong>{place === undefined ? last.placeId : say(place.name)}</strong>
          <p>{[say(last.title), outcomeText(last)].filter(part => part !== '').join(' · ')}</p>
        </div>
      </div>
    </section>
  )
}

function ScoreSoFar() {
  const so = score.value
  if (so === undefined) return null
  const counted = Object.entries(outcomeWords).map(([outcome, word]) => {
    const known: Partial<Record<string, number>> = so.counts
    return { word, n: known[outcome] ?? 0 }
  })
  if (counted.every(({ n }) => n === 0)) return <Line label={t('scoreTitle')} value={t('scoreNone')} />
  const share = (value: number | null) => (value === null ? '—' : percent(value))
  return (
    <section class="card">
      <div class="section-head">
        <h3>{t('scoreTitle')}</h3>
        <span>
          {counted
            .filter(({ n }) => n > 0)
            .map(({ word, n }) => `${t(word)} ${n}`)
            .join(' · ')}
        </span>
      </div>
      <dl class="facts facts-three">
        <ScoreFact label={t('pod')} value={share(so.pod)} />
        <ScoreFact label={t('far')} value={share(so.far)} />
        <ScoreFact
          label={t('leadMedian')}
          value={so.leadMinMedian === null ? '—' : t('minutes', { n: Math.round(so.leadMinMedian) })}
        />
      </dl>
    </section>
  )
}

function ScoreFact({ label, value }: { label: string; value: string }) {
  return (
    <div class="fact">
      <dt>{label}</dt>
      <dd>
        <span class="fact-value">{value}</span>
      </dd>
    </div>
  )
}
