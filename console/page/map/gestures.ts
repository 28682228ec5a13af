/** Mouse, touch and wheel on the map. One finger or the mouse pans, two fingers or the wheel zoom, a tap picks. */
import type { Signal } from '@preact/signals'
import { type MapView, type Point, panned, type Size, zoomed } from './projection.ts'

export interface GestureTarget {
  readonly view: Signal<MapView | undefined>
  readonly size: Signal<Size>
  readonly moved: (next: MapView) => void
  readonly pick: (at: Point) => void
}

/** Below so many CSS pixels it was a tap. */
const tapPx = 5

/** Starts listening. Returns what stops it. */
export function gestures(element: HTMLElement, { view, size, moved, pick }: GestureTarget): () => void {
  const fingers = new Map<number, Point>()
  let travelled = 0
  const local = (event: PointerEvent | WheelEvent): Point => ({ x: event.offsetX, y: event.offsetY })
  const spread = () => {
    const [a, b] = [...fingers.values()]
    return a === undefined || b === undefined
      ? undefined
      : { apart: Math.hypot(a.x - b.x, a.y - b.y), x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 }
  }
  const down = (event: PointerEvent) => {
    element.setPointerCapture(event.pointerId)
    fingers.set(event.pointerId, local(event))
    travelled = 0
  }
  const move = (event: PointerEvent) => {
    const from = fingers.get(event.pointerId)
    const now = view.peek()
    if (from === undefined || now === undefined) return
    const to = local(event)
    const before = spread()
    fingers.set(event.pointerId, to)
    travelled += Math.hypot(to.x - from.x, to.y - from.y)
    if (travelled < tapPx) return
    const after = spread()
    if (before === undefined || after === undefined) return moved(panned(now, to.x - from.x, to.y - from.y))
    const turned = panned(now, after.x - before.x, after.y - before.y)
    moved(zoomed(turned, { factor: after.apart / Math.max(1, before.apart), at: after, size: size.peek() }))
  }
  const up = (event: PointerEvent) => {
    if (fingers.delete(event.pointerId) && travelled < tapPx && event.type === 'pointerup') pick(local(event))
  }
  const wheel = (event: WheelEvent) => {
    const now = view.peek()
    if (now === undefined) return
    event.preventDefault()
    const factor = 2 ** (-event.deltaY / (event.deltaMode === 0 ? 300 : 12))
    moved(zoomed(now, { factor, at: local(event), size: size.peek() }))
  }
  const stopping = new AbortController()
  const { signal } = stopping
  element.addEventListener('pointerdown', down, { signal })
  element.addEventListener('pointermove', move, { signal })
  element.addEventListener('pointerup', up, { signal })
  element.addEventListener('pointercancel', up, { signal })
  element.addEventListener('wheel', wheel, { signal, passive: false })
  return () => stopping.abort()
}
