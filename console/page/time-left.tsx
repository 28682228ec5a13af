/** The biggest number after the level: how long until the limit is crossed, or how long it has been. */
import type { Warning } from '@forewarn/contracts/warning'
import { stopwatch } from './format.ts'
import { t } from './language.ts'
import { nowMs } from './state.ts'

export function TimeLeft({ warning }: { warning: Warning }) {
  // Water that was never foreseen has an onset all the same, once it was measured.
  const atMs = warning.expectedAtMs?.p50 ?? warning.outcome?.onsetAtMs
  if (atMs === undefined) return <>—</>
  const leftMs = atMs - nowMs.value
  if (leftMs <= 0) {
    return (
      <>
        <span class="crossed">{t('crossed')}</span> {t('crossedSince', { n: Math.floor(-leftMs / 60_000) })}
      </>
    )
  }
  if (leftMs < 120_000) return <>{stopwatch(leftMs)}</>
  return <>{t('minutes', { n: Math.round(leftMs / 60_000) })}</>
}
