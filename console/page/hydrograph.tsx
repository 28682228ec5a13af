/** The curve of the selected place: what was measured, what is forecast with its 10–90 % band, and the limits. */
import type { Warning } from '@forewarn/contracts/warning'
import { useEffect } from 'preact/hooks'
import uPlot from 'uplot'
import { forecast, series } from './charts.ts'
import { type Curves, curvesOf } from './curves.ts'
import { clockTime, measured, shownAs } from './format.ts'
import { language, t } from './language.ts'
import { fills, lineInks } from './levels.ts'
import { limitsOf, type ShownLimit } from './limits.ts'
import { useMeasuredWidth } from './measured-width.ts'
import { quantityOf } from './quantity-of.ts'
import { minuteMs, selected, zone } from './state.ts'

const font = '12px -apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif'
const boldFont = `600 ${font}`
const ink = '#1b2126'
const grey = '#5b6770'

export function Hydrograph() {
  const [box, width] = useMeasuredWidth(0)
  const warning = selected.value
  const drawn = warning === undefined ? undefined : drawnOf(warning)
  const summary = warning === undefined || drawn === undefined ? '' : summaryOf(warning, drawn)
  const inputs = [series.value, forecast.value, minuteMs.value, language.value, width, warning]
  useEffect(() => {
    const element = box.current
    if (element === null || drawn === undefined || warning === undefined || width === 0) return
    const plot = draw(element, { warning, drawn, width })
    return () => plot.destroy()
  }, inputs)
  const storeSilent = series.value?.placeId === warning?.placeId && series.value?.series === null
  return (
    <figure class="hydrograph">
      {drawn !== undefined && <Legend hasForecast={forecast.value !== undefined} />}
      <div class="plot" ref={box} role="img" aria-label={`${t('chart')}. ${summary}`} />
      {storeSilent && <p class="hatched plot-note">{t('noStore')}</p>}
      {drawn === undefined && !storeSilent && <p class="plot-note">{t('noSeries')}</p>}
    </figure>
  )
}

function Legend({ hasForecast }: { hasForecast: boolean }) {
  return (
    <figcaption>
      <span class="key key-observed">{t('observed')}</span>
      {hasForecast && <span class="key key-median">{t('forecastMedian')}</span>}
      {hasForecast && <span class="key key-band">{t('band')}</span>}
    </figcaption>
  )
}

interface Drawn {
  readonly curves: Curves
  readonly limits: readonly ShownLimit[]
  readonly quantity: string
  /** Upper end of the value axis, as shown. */
  readonly top: number
}

function drawnOf(warning: Warning): Drawn | undefined {
  const observed = series.value?.placeId === warning.placeId ? series.value.series : null
  const fan = forecast.value
  if ((observed === null || observed.atMs.length === 0) && fan === undefined) return undefined
  const quantity = quantityOf(warning)
  const { factor } = shownAs(quantity)
  const curves = curvesOf({ observed, forecast: fan, nowMs: minuteMs.value, factor })
  const limits = limitsOf(warning, fan).map(limit => ({ ...limit, value: limit.value * factor }))
  const highest = Math.max(...curves.p90.concat(curves.observed).map(value => value ?? 0))
  const decisive = limits.find(limit => limit.decides)?.value ?? 0
  const next = limits.find(limit => limit.value > highest)?.value ?? 0
  // The next limit above is shown when it is near: far away it would press the curve flat.
  const top = Math.max(highest, decisive, next < 2 * Math.max(highest, decisive) ? next : 0) * 1.12
  return { curves, limits: limits.filter(limit => limit.value <= top), quantity, top: top === 0 ? 1 : top }
}

function summaryOf(warning: Warning, { curves, limits, quantity }: Drawn): string {
  const { factor } = shownAs(quantity)
  const show = (value: number | null | undefined) =>
    typeof value === 'number' ? measured(quantity, value / factor) : '—'
  const medians = curves.p50.filter(value => value !== null)
  return t('chartSummary', {
    now: show(curves.observed.findLast(value => value !== null)),
    peak: warning.evidence.forecast === undefined ? '—' : show(Math.max(...medians)),
    limits: limits.map(limit => `${limit.word} ${show(limit.value)}`).join('; '),
  })
}

interface Drawing {
  readonly warning: Warning
  readonly drawn: Drawn
  readonly width: number
}

function draw(element: HTMLElement, { warning, drawn, width }: Drawing): uPlot {
  const { curves, limits, top } = drawn
  const labelWidth = Math.max(24, ...limits.map(limit => textWidth(limitText(limit))))
  const gridded = { stroke: '#e3e7ea', width: 1 }
  const axis = { stroke: grey, font, grid: gridded, ticks: { show: false } }
  const options: uPlot.Options = {
    width,
    height: width < 400 ? 210 : 250,
    ms: 1,
    padding: [14, labelWidth + 14, 0, 0],
    cursor: { show: false },
    legend: { show: false },
    scales: { x: { time: true, range: [curves.fromMs, curves.toMs] }, y: { range: [0, top] } },
    axes: [
      { ...axis, size: 26, values: (_, splits) => splits.map(atMs => clockTime(atMs, zone())) },
      { ...axis, size: 42, label: shownAs(drawn.quantity).unit, labelSize: 16, labelFont: font, labelGap: 0 },
    ],
    series: [
      {},
      { stroke: 'rgba(91,103,112,.5)', width: 1, spanGaps: true, points: { show: false } },
      { stroke: 'rgba(91,103,112,.5)', width: 1, spanGaps: true, points: { show: false } },
      { stroke: ink, width: 2, dash: [6, 5], spanGaps: true, points: { show: false } },
      { stroke: ink, width: 2.5, points: { show: false } },
    ],
    bands: [{ series: [1, 2], fill: 'rgba(91,103,112,.18)' }],
    hooks: { drawAxes: [plot => drawLimits(plot, limits)], draw: [plot => drawMoments(plot, { warning, drawn })] },
  }
  return new uPlot(options, [curves.atMs, curves.p90, curves.p10, curves.p50, curves.observed], element)
}

const measuring = document.createElement('canvas').getContext('2d')

function textWidth(text: string): number {
  if (measuring === null) return 60
  measuring.font = boldFont
  return measuring.measureText(text).width
}

function limitText({ word, value }: ShownLimit): string {
  return `${word} ${Number(value.toFixed(2))}`.trim()
}

/** Coloured lines with dark words: orange and yellow words on white could not be read. */
function drawLimits(plot: uPlot, limits: readonly ShownLimit[]): void {
  const { ctx, bbox } = plot
  const ratio = devicePixelRatio
  ctx.save()
  ctx.font = boldFont.replace('12px', `${12 * ratio}px`)
  ctx.textAlign = 'left'
  ctx.textBaseline = 'middle'
  let lastLabelY = Number.POSITIVE_INFINITY
  for (const limit of limits) {
    const y = plot.valToPos(limit.value, 'y', true)
    ctx.strokeStyle = limit.level === undefined ? '#98a2a9' : lineInks[limit.level]
    ctx.lineWidth = (limit.decides ? 2.5 : 1.5) * ratio
    ctx.beginPath()
    ctx.moveTo(bbox.left, y)
    ctx.lineTo(bbox.left + bbox.width, y)
    ctx.stroke()
    // Lowest first: a label that would touch the one below moves up.
    const labelY = Math.min(y, lastLabelY - 15 * ratio)
    lastLabelY = labelY
    ctx.fillStyle = limit.decides ? ink : grey
    ctx.fillText(limitText(limit), bbox.left + bbox.width + 7 * ratio, labelY)
  }
  ctx.restore()
}

/** Now as a dotted line, and the expected crossing as a dot with its time on a white ground. */
function drawMoments(plot: uPlot, { warning, drawn }: { warning: Warning; drawn: Drawn }): void {
  const { ctx, bbox } = plot
  const ratio = devicePixelRatio
  const xOf = (atMs: number) => plot.valToPos(atMs, 'x', true)
  ctx.save()
  ctx.strokeStyle = ink
  ctx.lineWidth = ratio
  ctx.setLineDash([2 * ratio, 3 * ratio])
  ctx.beginPath()
  ctx.moveTo(xOf(minuteMs.value), bbox.top)
  ctx.lineTo(xOf(minuteMs.value), bbox.top + bbox.height)
  ctx.stroke()
  ctx.setLineDash([])
  const limit = drawn.limits.find(one => one.decides)
  const atMs = warning.expectedAtMs?.p50
  if (limit !== undefined && atMs !== undefined && atMs < drawn.curves.toMs && atMs > drawn.curves.fromMs) {
    drawCrossing(ctx, {
      x: xOf(atMs),
      y: plot.valToPos(limit.value, 'y', true),
      text: clockTime(atMs, zone()),
      fill: fills[warning.level],
    })
  }
  ctx.restore()
}

interface Crossing {
  readonly x: number
  readonly y: number
  readonly text: string
  readonly fill: string
}

function drawCrossing(ctx: CanvasRenderingContext2D, { x, y, text, fill }: Crossing): void {
  const ratio = devicePixelRatio
  ctx.font = boldFont.replace('12px', `${13 * ratio}px`)
  ctx.textAlign = 'right'
  ctx.textBaseline = 'bottom'
  ctx.lineJoin = 'round'
  ctx.strokeStyle = 'rgba(255,255,255,.92)'
  ctx.lineWidth = 5 * ratio
  // Up and left of the dot: the median comes from below left and goes on to above right.
  const at = [x - 5 * ratio, y - 6 * ratio] as const
  ctx.strokeText(text, ...at)
  ctx.fillStyle = ink
  ctx.fillText(text, ...at)
  ctx.beginPath()
  ctx.arc(x, y, 5.5 * ratio, 0, 2 * Math.PI)
  ctx.fillStyle = fill
  ctx.fill()
  ctx.strokeStyle = ink
  ctx.lineWidth = 1.4 * ratio
  ctx.stroke()
}
