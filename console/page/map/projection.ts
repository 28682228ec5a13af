/** Web Mercator (EPSG:3857) in a unit square, and the view on it. Pure. */

export interface Point {
  readonly x: number
  readonly y: number
}

/** `scale` is CSS pixels for the whole world's width. */
export interface MapView {
  readonly centre: Point
  readonly scale: number
}

export interface Size {
  readonly width: number
  readonly height: number
}

export interface Bounds {
  readonly minX: number
  readonly minY: number
  readonly maxX: number
  readonly maxY: number
}

export function project(lon: number, lat: number): Point {
  const sine = Math.sin((lat * Math.PI) / 180)
  return { x: lon / 360 + 0.5, y: 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI) }
}

export function toScreen(point: Point, view: MapView, size: Size): Point {
  return {
    x: (point.x - view.centre.x) * view.scale + size.width / 2,
    y: (point.y - view.centre.y) * view.scale + size.height / 2,
  }
}

export function toWorld(screen: Point, view: MapView, size: Size): Point {
  return {
    x: (screen.x - size.width / 2) / view.scale + view.centre.x,
    y: (screen.y - size.height / 2) / view.scale + view.centre.y,
  }
}

/** The view that shows `bounds` with a margin in CSS pixels. */
export function fitted(bounds: Bounds, size: Size, margin: number): MapView {
  const room = { width: Math.max(1, size.width - 2 * margin), height: Math.max(1, size.height - 2 * margin) }
  const scale = Math.min(room.width / (bounds.maxX - bounds.minX), room.height / (bounds.maxY - bounds.minY))
  return { centre: { x: (bounds.minX + bounds.maxX) / 2, y: (bounds.minY + bounds.maxY) / 2 }, scale }
}

/** Zooms by `factor`, keeping the world under `at` where it is. */
export function zoomed(view: MapView, { factor, at, size }: { factor: number; at: Point; size: Size }): MapView {
  const scale = Math.min(maxScale, Math.max(minScale, view.scale * factor))
  const held = toWorld(at, view, size)
  return {
    scale,
    centre: {
      x: held.x - (at.x - size.width / 2) / scale,
      y: held.y - (at.y - size.height / 2) / scale,
    },
  }
}

/** From a whole city to a single crossing. */
const minScale = 256 * 2 ** 9
const maxScale = 256 * 2 ** 18

export function panned(view: MapView, byX: number, byY: number): MapView {
  return { scale: view.scale, centre: { x: view.centre.x - byX / view.scale, y: view.centre.y - byY / view.scale } }
}

export function boundsOf(points: Iterable<Point>): Bounds | undefined {
  let bounds: Bounds | undefined
  for (const { x, y } of points) {
    bounds =
      bounds === undefined
        ? { minX: x, minY: y, maxX: x, maxY: y }
        : {
            minX: Math.min(bounds.minX, x),
            minY: Math.min(bounds.minY, y),
            maxX: Math.max(bounds.maxX, x),
            maxY: Math.max(bounds.maxY, y),
          }
  }
  return bounds
}
