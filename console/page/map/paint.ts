/** Draws the map: grey ground, then what is on it. Knows nothing of the page's state; it gets a scene. */
import { shapePaths } from '../level-mark.tsx'
import { fills, inks, type ShownLevel } from '../levels.ts'
import { type Box, emptyRoom, type Room } from './boxes.ts'
import { type MapView, type Point, type Size, toScreen } from './projection.ts'
import type { LayerId, Shape } from './shapes.ts'

export interface WarningMark {
  readonly id: string
  readonly at: Point
  readonly level: ShownLevel
  readonly letter: string
  readonly name: string
  readonly waits: boolean
  readonly selected: boolean
}

export interface UnitMark {
  readonly at: Point
  readonly label: string
  /** On its way or at work: drawn dark. */
  readonly busy: boolean
}

export interface Scene {
  readonly shapes: readonly Shape[]
  readonly dots: readonly Point[]
  /** Places of which nothing is known. */
  readonly blind: readonly Point[]
  readonly warnings: readonly WarningMark[]
  readonly units: readonly UnitMark[]
  readonly routes: readonly { readonly path: readonly Point[]; readonly selected: boolean }[]
  readonly language: 'zh' | 'en'
}

const family = '-apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif'
const ink = '#1b2126'
const colours = {
  ground: '#e9ecee',
  district: '#f8fafb',
  outline: '#7b868e',
  inner: '#d3d9dd',
  road: '#c3cbd0',
  minorRoad: '#dde2e5',
  water: '#b5c6d2',
  dot: '#a3adb4',
  name: '#5b6770',
} as const

interface Stage {
  readonly ctx: CanvasRenderingContext2D
  readonly place: (point: Point) => Point
  readonly size: Size
  readonly room: Room
}

/** Draws a scene. `size` in CSS pixels; `ratio` is the device's pixels per CSS pixel. */
export function paint(
  ctx: CanvasRenderingContext2D,
  scene: Scene,
  { view, size, ratio }: { view: MapView; size: Size; ratio: number },
): void {
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0)
  ctx.lineJoin = 'round'
  ctx.lineCap = 'round'
  ctx.fillStyle = colours.ground
  ctx.fillRect(0, 0, size.width, size.height)
  const stage: Stage = { ctx, size, place: point => toScreen(point, view, size), room: emptyRoom() }
  paintGround(stage, scene.shapes, view)
  for (const route of scene.routes) paintRoute(stage, route)
  for (const at of scene.dots) paintDot(stage, at)
  for (const at of scene.blind) paintBlind(stage, at)
  const sorted = [...scene.warnings].sort((a, b) => Number(a.selected) - Number(b.selected))
  for (const mark of sorted) reserve(stage, mark)
  for (const unit of scene.units) paintUnit(stage, unit)
  for (const mark of sorted) paintWarning(stage, mark)
  for (const mark of sorted.toReversed()) paintWarningName(stage, mark)
  for (const shape of scene.shapes) paintName(stage, shape, scene.language)
}

const layerOrder: readonly LayerId[] = ['neighbours', 'district', 'subdistricts', 'water', 'roads']

function paintGround({ ctx, place }: Stage, shapes: readonly Shape[], view: MapView): void {
  // Roads grow with the view, but slowly: a motorway is no ribbon at close range.
  const zoom = Math.log2(view.scale / 256)
  const grow = Math.max(0.6, Math.min(4, 1.25 ** (zoom - 12)))
  for (const layer of layerOrder) {
    for (const shape of shapes) {
      // A slip road of a few pixels is a blot, not a road.
      if (shape.layer !== layer || (layer === 'roads' && shape.span * view.scale < 14)) continue
      tracePaths(ctx, shape, place)
      inkShape(ctx, shape, grow)
    }
  }
  for (const shape of shapes) {
    if (shape.layer !== 'district') continue
    tracePaths(ctx, shape, place)
    stroke(ctx, colours.outline, 1.6)
  }
}

function tracePaths(ctx: CanvasRenderingContext2D, shape: Shape, place: Stage['place']): void {
  ctx.beginPath()
  for (const path of shape.paths) tracePath(ctx, path.map(place), shape.closed)
}

function tracePath(ctx: CanvasRenderingContext2D, points: readonly Point[], closed: boolean): void {
  for (const [i, { x, y }] of points.entries()) {
    if (i === 0) ctx.moveTo(x, y)
    else ctx.lineTo(x, y)
  }
  if (closed) ctx.closePath()
}

function inkShape(ctx: CanvasRenderingContext2D, shape: Shape, grow: number): void {
  if (shape.layer === 'neighbours') return stroke(ctx, colours.inner, 1)
  if (shape.layer === 'district') {
    ctx.fillStyle = colours.district
    return ctx.fill('evenodd')
  }
  if (shape.layer === 'subdistricts') return stroke(ctx, colours.inner, 1)
  if (shape.layer === 'water') {
    if (!shape.closed) return stroke(ctx, colours.water, 5 * grow)
    ctx.fillStyle = colours.water
    return ctx.fill('evenodd')
  }
  const main = /elevated|motorway|trunk|urban|expressway/.test(shape.kind)
  stroke(ctx, main ? colours.road : colours.minorRoad, (main ? 3.2 : 1.4) * grow)
}

function stroke(ctx: CanvasRenderingContext2D, colour: string, width: number): void {
  ctx.strokeStyle = colour
  ctx.lineWidth = width
  ctx.stroke()
}

function paintRoute({ ctx, place }: Stage, { path, selected }: Scene['routes'][number]): void {
  ctx.beginPath()
  tracePath(ctx, path.map(place), false)
  stroke(ctx, 'rgba(255,255,255,.9)', selected ? 6 : 4)
  ctx.setLineDash(selected ? [8, 6] : [4, 6])
  stroke(ctx, selected ? ink : '#6b767e', selected ? 3 : 2)
  ctx.setLineDash([])
}

function paintDot({ ctx, place }: Stage, at: Point): void {
  const { x, y } = place(at)
  ctx.fillStyle = colours.dot
  ctx.fillRect(x - 1.25, y - 1.25, 2.5, 2.5)
}

function paintBlind({ ctx, place }: Stage, at: Point): void {
  const { x, y } = place(at)
  ctx.fillStyle = '#fff'
  ctx.fillRect(x - 4, y - 4, 8, 8)
  ctx.beginPath()
  for (const shift of [-4, 0, 4]) {
    ctx.moveTo(x + Math.max(-4, shift - 4), y + Math.min(4, shift + 4))
    ctx.lineTo(x + Math.min(4, shift + 4), y + Math.max(-4, shift - 4))
  }
  stroke(ctx, colours.name, 1)
  ctx.beginPath()
  ctx.rect(x - 4, y - 4, 8, 8)
  stroke(ctx, colours.name, 1)
}

const markSize = 26

function reserve({ place, room }: Stage, mark: WarningMark): void {
  const { x, y } = place(mark.at)
  const half = mark.waits || mark.selected ? 22 : 16
  room.take({ x: x - half, y: y - half, width: 2 * half, height: 2 * half })
}

function paintWarning({ ctx, place }: Stage, { at, level, letter, waits, selected }: WarningMark): void {
  const { x, y } = place(at)
  if (waits || selected) {
    ctx.beginPath()
    ctx.arc(x, y, 20.5, 0, 2 * Math.PI)
    ctx.fillStyle = 'rgba(255,255,255,.86)'
    ctx.fill()
    // Waiting: a ring. Selected: a thick one. Both are told apart without colour.
    if (waits) stroke(ctx, ink, selected ? 3.2 : 1.6)
    else stroke(ctx, '#98a2a9', 3)
  }
  const size = selected ? markSize + 4 : markSize
  ctx.save()
  ctx.translate(x - size / 2, y - size / 2)
  ctx.scale(size / 32, size / 32)
  const shape = new Path2D(shapePaths[level])
  ctx.fillStyle = fills[level]
  ctx.fill(shape)
  if (level === 'unknown') hatch(ctx, shape)
  ctx.strokeStyle = ink
  ctx.lineWidth = (1.4 * 32) / size
  ctx.stroke(shape)
  ctx.restore()
  ctx.fillStyle = inks[level]
  ctx.font = `700 ${level === 'yellow' ? 11 : 12.5}px ${family}`
  ctx.textAlign = 'center'
  ctx.textBaseline = 'middle'
  ctx.fillText(letter, x, y + (level === 'yellow' ? size * 0.16 : 0.8))
}

function hatch(ctx: CanvasRenderingContext2D, shape: Path2D): void {
  ctx.save()
  ctx.clip(shape)
  ctx.beginPath()
  for (let shift = -32; shift < 32; shift += 8) {
    ctx.moveTo(shift, 32)
    ctx.lineTo(shift + 32, 0)
  }
  stroke(ctx, '#fff', 3)
  ctx.restore()
}

function paintUnit({ ctx, place, room }: Stage, { at, label, busy }: UnitMark): void {
  const { x, y } = place(at)
  ctx.font = `600 11px ${family}`
  const width = ctx.measureText(label).width + 10
  const height = 17
  ctx.beginPath()
  ctx.arc(x, y, 3.4, 0, 2 * Math.PI)
  ctx.fillStyle = busy ? ink : '#fff'
  ctx.fill()
  stroke(ctx, busy ? '#fff' : colours.name, 1.2)
  // A truck on its way is always named; one that waits among others only where there is room.
  const free = room.takeFree(around({ x, y }, { width, height }, 4))
  const box = free ?? (busy ? { x: x + 5, y: y - height - 4, width, height } : undefined)
  if (box === undefined) return
  ctx.beginPath()
  ctx.roundRect(box.x, box.y, width, height, 3)
  ctx.fillStyle = busy ? ink : 'rgba(255,255,255,.94)'
  ctx.fill()
  if (!busy) stroke(ctx, '#98a2a9', 1)
  ctx.fillStyle = busy ? '#fff' : ink
  ctx.textAlign = 'center'
  ctx.textBaseline = 'middle'
  ctx.fillText(label, box.x + width / 2, box.y + height / 2 + 0.5)
}

/** Above, right, left, below: where a label may stand beside its point. */
function around({ x, y }: Point, { width, height }: Size, gap: number) {
  return [
    { x: x - width / 2, y: y - height - gap, width, height },
    { x: x + gap + 2, y: y - height / 2, width, height },
    { x: x - width - gap - 2, y: y - height / 2, width, height },
    { x: x - width / 2, y: y + gap, width, height },
  ]
}

function paintWarningName(stage: Stage, mark: WarningMark): void {
  const { x, y } = stage.place(mark.at)
  stage.ctx.font = `${mark.selected ? 600 : 500} 12px ${family}`
  const width = stage.ctx.measureText(mark.name).width + 6
  const gap = mark.waits || mark.selected ? 22 : 16
  const candidates = around({ x, y }, { width, height: 16 }, gap).toReversed()
  const box = stage.room.takeFree(candidates.filter(one => isInside(one, stage.size)))
  if (box !== undefined) halo(stage, { text: mark.name, x: box.x + width / 2, y: box.y + 8, colour: ink })
}

function isInside({ x, y, width, height }: Box, size: Size): boolean {
  return x >= 4 && y >= 4 && x + width <= size.width - 4 && y + height <= size.height - 4
}

function paintName(stage: Stage, shape: Shape, language: 'zh' | 'en'): void {
  if (shape.layer !== 'subdistricts' && shape.layer !== 'water') return
  const text = shape.name[language]
  if (text === '') return
  const { x, y } = stage.place(shape.middle)
  stage.ctx.font = `500 12px ${family}`
  const width = stage.ctx.measureText(text).width + 8
  const box = stage.room.takeFree([
    { x: x - width / 2, y: y - 8, width, height: 16 },
    { x: x - width / 2, y: y - 34, width, height: 16 },
    { x: x - width / 2, y: y + 18, width, height: 16 },
  ])
  if (box !== undefined) halo(stage, { text, x: box.x + width / 2, y: box.y + 8, colour: colours.name })
}

function halo({ ctx }: Stage, { text, x, y, colour }: { text: string; x: number; y: number; colour: string }): void {
  ctx.textAlign = 'center'
  ctx.textBaseline = 'middle'
  ctx.strokeStyle = 'rgba(248,250,251,.92)'
  ctx.lineWidth = 3.5
  ctx.strokeText(text, x, y)
  ctx.fillStyle = colour
  ctx.fillText(text, x, y)
}
