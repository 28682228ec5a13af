/** The map on screen: draws when something changed, and lets people pan, zoom and pick by mouse, touch and keys. */
import { effect, signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { choose } from '../commands.ts'
import { say, t } from '../language.ts'
import { LevelMark } from '../level-mark.tsx'
import { shownLevels } from '../levels.ts'
import { district, selected, wantedOrder } from '../state.ts'
import { gestures } from './gestures.ts'
import { paint } from './paint.ts'
import { fitted, type MapView, type Point, panned, type Size, toScreen, zoomed } from './projection.ts'
import { districtBounds, pointOf, scene } from './scene.ts'

const view = signal<MapView | undefined>(undefined)
const size = signal<Size>({ width: 0, height: 0 })
/** Whether the view still is the one that fits the district: then it follows the window's size. */
let untouched = true

export function DistrictMap() {
  const canvas = useRef<HTMLCanvasElement>(null)
  useEffect(() => {
    const element = canvas.current
    if (element === null) return
    const observer = new ResizeObserver(() => {
      size.value = { width: element.clientWidth, height: element.clientHeight }
      if (untouched) fitDistrict()
    })
    observer.observe(element)
    const undo = [keepPainted(element), followSelection(), gestures(element, { view, size, moved, pick })]
    return () => {
      observer.disconnect()
      for (const deed of undo) deed()
    }
  }, [])
  const name = district.value === undefined ? '' : say(district.value.name)
  return (
    <section class="map" aria-label={t('map')}>
      <canvas
        ref={canvas}
        tabIndex={0}
        role="application"
        aria-label={t('mapLabel', { district: name, n: wantedOrder.value.length })}
        onKeyDown={steer}
      />
      <div class="map-buttons">
        <button type="button" aria-label={t('zoomIn')} title={t('zoomIn')} onClick={() => zoom(1.6)}>
          +
        </button>
        <button type="button" aria-label={t('zoomOut')} title={t('zoomOut')} onClick={() => zoom(1 / 1.6)}>
          −
        </button>
        <button type="button" aria-label={t('fit')} title={t('fit')} onClick={fitDistrict}>
          ⤢
        </button>
      </div>
      <ul class="map-legend" aria-label={t('legend')}>
        {shownLevels.map(level => (
          <li key={level}>
            <LevelMark level={level} size="small" />
            {t(level)}
          </li>
        ))}
      </ul>
      <p class="map-source">{district.value?.mapLayers.attribution}</p>
    </section>
  )
}

function keepPainted(element: HTMLCanvasElement): () => void {
  const ctx = element.getContext('2d')
  let frame = 0
  const stop = effect(() => {
    const [current, around, now] = [scene.value, size.value, view.value]
    if (ctx === null || now === undefined || around.width === 0) return
    cancelAnimationFrame(frame)
    frame = requestAnimationFrame(() => {
      const ratio = devicePixelRatio
      const [width, height] = [Math.round(around.width * ratio), Math.round(around.height * ratio)]
      if (element.width !== width || element.height !== height) {
        element.width = width
        element.height = height
      }
      paint(ctx, current, { view: now, size: around, ratio })
    })
  })
  return () => {
    cancelAnimationFrame(frame)
    stop()
  }
}

/** A selected warning outside the view is brought in; one inside leaves the view alone. */
function followSelection(): () => void {
  let followedId: string | undefined
  return effect(() => {
    const warning = selected.value
    const [now, around] = [view.value, size.value]
    if (warning === undefined || now === undefined || around.width === 0 || warning.id === followedId) return
    followedId = warning.id
    const at = pointOf(warning.placeId)
    if (at === undefined) return
    // On a phone the map is a strip: the place goes into its middle, close enough to see the route.
    if (around.width < 760 && around.height < 400) {
      view.value = { centre: at, scale: 256 * 2 ** 14.5 }
      untouched = false
      return
    }
    const on = toScreen(at, now, around)
    const inside = on.x > 40 && on.y > 40 && on.x < around.width - 40 && on.y < around.height - 40
    if (!inside) view.value = { ...now, centre: at }
  })
}

function moved(next: MapView): void {
  untouched = false
  view.value = next
}

function fitDistrict(): void {
  const bounds = districtBounds.value
  if (bounds === undefined || size.value.width === 0) return
  untouched = true
  view.value = fitted(bounds, size.value, size.value.width < 500 ? 16 : 44)
}

function zoom(factor: number): void {
  const { width, height } = size.value
  if (view.value !== undefined)
    moved(zoomed(view.value, { factor, at: { x: width / 2, y: height / 2 }, size: size.value }))
}

const steps: Record<string, readonly [number, number]> = {
  ArrowLeft: [60, 0],
  ArrowRight: [-60, 0],
  ArrowUp: [0, 60],
  ArrowDown: [0, -60],
}

function steer(event: KeyboardEvent): void {
  const step = steps[event.key]
  if (step !== undefined && view.value !== undefined) moved(panned(view.value, ...step))
  else if (event.key === '+' || event.key === '=') zoom(1.6)
  else if (event.key === '-') zoom(1 / 1.6)
  else if (event.key === '0') fitDistrict()
  else return
  event.preventDefault()
  event.stopPropagation()
}

/** Chooses the warning under the pointer. The nearest within a finger's width counts. */
function pick(at: Point): void {
  const now = view.value
  if (now === undefined) return
  const near = scene.value.warnings
    .map(mark => ({ mark, on: toScreen(mark.at, now, size.value) }))
    .map(({ mark, on }) => ({ mark, apart: Math.hypot(on.x - at.x, on.y - at.y) }))
    .filter(({ apart }) => apart <= 24)
    .sort((a, b) => a.apart - b.apart)[0]
  if (near !== undefined) choose(near.mark.id)
}
