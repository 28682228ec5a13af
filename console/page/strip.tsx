/** The strip below the map: the rain that fell, and on the same axis when limits are expected to be crossed. */
import type { Warning } from '@forewarn/contracts/warning'
import { choose } from './commands.ts'
import { clockTime } from './format.ts'
import { say, t } from './language.ts'
import { fills, letterWord } from './levels.ts'
import { useMeasuredWidth } from './measured-width.ts'
import { figures, minuteMs, placeOf, selected, wantedOrder, zone } from './state.ts'

const hourMs = 3_600_000
const [pastMs, aheadMs] = [hourMs, 2 * hourMs]
const height = 112
const baseline = 92
const top = 26

export function Strip() {
  const [box, width] = useMeasuredWidth(1000)
  const now = minuteMs.value
  const left = 14
  const x = (atMs: number) => left + ((atMs - now + pastMs) / (pastMs + aheadMs)) * (width - 2 * left)
  return (
    <section class="strip" ref={box} aria-label={t('strip')}>
      <svg width={width} height={height} role="img" aria-label={t('strip')}>
        <text class="strip-title" x={left} y={16}>
          {t('stripShort')}
        </text>
        <text class="strip-title" x={x(now) + 8} y={16}>
          {t('crossingsShort')}
        </text>
        <RainBars x={x} />
        <line class="strip-axis" x1={left} x2={width - left} y1={baseline} y2={baseline} />
        {[-60, -30, 0, 30, 60, 90, 120].map(min => (
          <TimeMark key={min} x={x(now + min * 60_000)} text={clockTime(now + min * 60_000, zone())} min={min} />
        ))}
        <line class="strip-now" x1={x(now)} x2={x(now)} y1={6} y2={baseline} />
        <Crossings x={x} width={width} now={now} />
      </svg>
    </section>
  )
}

function TimeMark({ x, text, min }: { x: number; text: string; min: number }) {
  const anchor = min === -60 ? 'start' : min === 120 ? 'end' : 'middle'
  return (
    <g>
      <line class="strip-axis" x1={x} x2={x} y1={baseline} y2={baseline + 4} />
      <text class={min === 0 ? 'strip-time strip-time-now' : 'strip-time'} x={x} y={height - 5} text-anchor={anchor}>
        {text}
      </text>
    </g>
  )
}

function RainBars({ x }: { x: (atMs: number) => number }) {
  const now = minuteMs.value
  const rain = figures.value?.rain ?? []
  const shown = rain.filter(minute => minute.atMs >= now - pastMs && minute.atMs <= now)
  const middle = x(now - pastMs / 2)
  if (shown.length === 0) return <Quiet x={middle} text={t('rainUnknown')} />
  const most = Math.max(...shown.map(minute => minute.max))
  if (most < 0.05) return <Quiet x={middle} text={t('noRain')} />
  // Small rain must not look like a storm: the axis reaches at least 20 mm/h.
  const full = Math.max(20, most)
  const barWidth = Math.max(1, x(now + 60_000) - x(now) - 1)
  const tall = (mmPerHour: number) => (mmPerHour / full) * (baseline - top)
  const peak = shown.find(minute => minute.max === most)
  return (
    <g>
      {shown.map(({ atMs, mean, max }) => (
        <g key={atMs}>
          <rect class="rain-max" x={x(atMs)} y={baseline - tall(max)} width={barWidth} height={tall(max)} />
          <rect class="rain-mean" x={x(atMs)} y={baseline - tall(mean)} width={barWidth} height={tall(mean)} />
        </g>
      ))}
      {peak !== undefined && (
        <text
          class="strip-peak"
          x={x(peak.atMs)}
          y={baseline - tall(most) - 4}
          text-anchor={now - peak.atMs < 3 * 60_000 ? 'end' : 'middle'}
        >
          {Math.round(most)}
        </text>
      )}
    </g>
  )
}

function Quiet({ x, text }: { x: number; text: string }) {
  return (
    <text class="strip-quiet" x={x} y={baseline - 12} text-anchor="middle">
      {text}
    </text>
  )
}

interface Lane {
  readonly warning: Warning
  readonly fromX: number
  readonly toX: number
  readonly lane: number
}

const lanes = 4
const laneHeight = 16

function Crossings({ x, width, now }: { x: (atMs: number) => number; width: number; now: number }) {
  return (
    <g>
      {lanesOf(wantedOrder.value, { x, now }).map(({ warning, fromX, toX, lane }) => {
        const y = 23 + lane * laneHeight
        const word = letterWord(warning.level)
        const place = placeOf(warning.placeId)
        const name = place === undefined ? warning.placeId : say(place.name)
        const isSelected = warning.id === selected.value?.id
        const middle = x(Math.min(warning.expectedAtMs?.p50 ?? now, now + aheadMs))
        return (
          // The list says the same and is reached by key; here the bar is only a shortcut for the mouse.
          <g key={warning.id} class={isSelected ? 'crossing selected' : 'crossing'} onClick={() => choose(warning.id)}>
            <rect x={fromX} y={y} width={Math.max(10, toX - fromX)} height={12} rx={2} fill={fills[warning.level]} />
            <line x1={middle} x2={middle} y1={y} y2={y + 12} />
            <text x={Math.min(toX + 6, width - 20)} y={y + 10}>
              {word === undefined ? '?' : t(word)} {short(name)}
            </text>
          </g>
        )
      })}
    </g>
  )
}

function short(name: string): string {
  const limit = /[\u4e00-\u9fff]/.test(name) ? 9 : 18
  return name.length > limit ? `${name.slice(0, limit)}…` : name
}

/** Puts bars into lanes so that neither they nor their names touch; what finds no room is left to the list. */
function lanesOf(warnings: readonly Warning[], { x, now }: { x: (atMs: number) => number; now: number }): Lane[] {
  const ends = new Array<number>(lanes).fill(Number.NEGATIVE_INFINITY)
  const nameWidth = 150
  const expected = warnings.flatMap(warning => {
    const at = warning.expectedAtMs
    if (at === undefined || at.p90 < now || at.p10 > now + aheadMs) return []
    return [{ warning, fromX: x(Math.max(at.p10, now)), toX: x(Math.min(at.p90, now + aheadMs)) }]
  })
  return expected
    .sort((a, b) => a.fromX - b.fromX)
    .flatMap(bar => {
      const lane = ends.findIndex(end => end < bar.fromX)
      if (lane === -1) return []
      ends[lane] = bar.toX + nameWidth
      return [{ ...bar, lane }]
    })
}
