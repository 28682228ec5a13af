/** A level as a sign: shape, letter and colour together, with a dark outline because yellow alone fades on white. */
import { t } from './language.ts'
import { letterWord, type ShownLevel } from './levels.ts'

export function LevelMark({ level, size = 'row' }: { level: ShownLevel; size?: 'row' | 'big' | 'small' }) {
  const word = letterWord(level)
  return (
    <span class={`mark mark-${level} mark-${size}`}>
      <Shape level={level} />
      <span class="mark-letter" aria-hidden="true">
        {word === undefined ? '?' : t(word)}
      </span>
      <span class="heard">{t(level)}</span>
    </span>
  )
}

/** Square, diamond, triangle, circle, hatched square: told apart without colour. */
function Shape({ level }: { level: ShownLevel }) {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <path d={shapePaths[level]} />
      {level === 'unknown' && <path class="hatch" d="M4 14 14 4M4 22 22 4M6 28 28 6M14 28 28 14M22 28 28 22" />}
    </svg>
  )
}

/** In a box of 32 × 32. The triangle is drawn large, so that its letter has room. */
export const shapePaths: Record<ShownLevel, string> = {
  red: 'M3 3H29V29H3Z',
  orange: 'M16 .8 31.200 16 16 31.200.8 16Z',
  yellow: 'M16 1.500 31.500 29.500H.5Z',
  blue: 'M16 2a14 14 0 1 1 0 28 14 14 0 0 1 0-28Z',
  unknown: 'M3 3H29V29H3Z',
}
