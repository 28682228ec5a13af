/** One timeline of what the machine and people did, newest first, and how it turned out. */
import type { Outcome } from '@forewarn/contracts/episode'
import type { Warning } from '@forewarn/contracts/warning'
import type { Word } from './dictionary.ts'
import { clockSeconds, measured } from './format.ts'
import { say, t } from './language.ts'
import { quantityOf } from './quantity-of.ts'
import { zone } from './state.ts'

export const outcomeWords: Record<Outcome, Word> = {
  hit: 'hit',
  late: 'lateOutcome',
  'false-alarm': 'falseAlarm',
  missed: 'missed',
  'not-verifiable': 'notVerifiable',
}

export function Timeline({ warning }: { warning: Warning }) {
  const lines = [...warning.timeline].sort((a, b) => b.atMs - a.atMs)
  return (
    <section class="timeline">
      <div class="section-head">
        <h3>{t('timeline')}</h3>
        {warning.outcome !== undefined && (
          <strong>
            {t('outcome')}：{outcomeText(warning)}
          </strong>
        )}
      </div>
      <ol>
        {lines.map(line => (
          <li key={`${line.atMs}-${line.event}-${line.detail.en}`}>
            <time>{clockSeconds(line.atMs, zone())}</time>
            <span class={line.by === 'machine' ? 'by machine' : 'by'}>
              {line.by === 'machine' ? t('machine') : line.by}
            </span>
            <span>{say(line.detail)}</span>
          </li>
        ))}
      </ol>
    </section>
  )
}

/** 命中 · 提前 22 分 · 峰值 19 cm */
export function outcomeText(warning: Warning): string {
  const { outcome } = warning
  if (outcome === undefined) return ''
  return [
    t(outcomeWords[outcome.outcome]),
    ...(outcome.leadMin === undefined ? [] : [leadOf(outcome.leadMin)]),
    ...(outcome.peak === undefined ? [] : [t('peakWas', { value: measured(quantityOf(warning), outcome.peak) })]),
  ].join(' · ')
}

function leadOf(leadMin: number): string {
  const n = Math.abs(Math.round(leadMin))
  return leadMin < 0 ? t('lateBy', { n }) : t('lead', { n })
}
