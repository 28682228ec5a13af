/** Says that this is not real: on screen at all times during an exercise or a replay, in both. */
import type { Mode } from '@forewarn/contracts/mode'
import { t } from './language.ts'
import { speed } from './state.ts'

export function ModeMark({ mode, long = false }: { mode: Mode; long?: boolean }) {
  if (mode === 'actual') return null
  return (
    <strong class="mode-mark" title={t(mode === 'exercise' ? 'exerciseLong' : 'replayLong')}>
      {t(long ? (mode === 'exercise' ? 'exerciseLong' : 'replayLong') : mode)}
      {speed.value !== 1 && <span class="mode-speed">{t('speed', { n: speed.value })}</span>}
    </strong>
  )
}
