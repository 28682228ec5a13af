/**
 * What the engine remembers, by names instead of indices, so that it survives a restart, a crash, and a registry or
 * rules that have changed in between. Cells at rest are not written: there is nothing to remember of them.
 */
import type { District } from '@forewarn/contracts/district'
import type { ForecasterState } from '../forecast/forecaster.ts'
import type { CellState } from './cells.ts'
import type { Engine } from './engine.ts'
import type { EpisodeFile } from './episodes.ts'
import type { WaitingReading } from './reading-order.ts'
import type { RecentState } from './recent-readings.ts'

export interface EngineState {
  readonly nowMs: number
  /** By sensor, in the order of the registry that the state was written with. */
  readonly lastAtMs: Float64Array
  readonly lastValue: Float64Array
  readonly cells: readonly { readonly key: string; readonly state: CellState }[]
  readonly waiting: readonly WaitingReading[]
  readonly recent: RecentState
  readonly files: readonly { readonly key: string; readonly file: EpisodeFile }[]
  readonly forecaster: ForecasterState
}

/** Everything that must be kept. Columns are shared with the engine: serialise before it goes on. */
export function engineState(engine: Engine): EngineState {
  const { binding, cells } = engine
  return {
    nowMs: engine.nowMs,
    lastAtMs: engine.lastAtMs,
    lastValue: engine.lastValue,
    cells: binding.cells.flatMap((_, index) => {
      const state = cells.state(index)
      return state === undefined ? [] : [{ key: cellKey(engine, index), state }]
    }),
    waiting: engine.order.state(),
    recent: engine.window.recent.state(),
    files: [...engine.files].map(([group, file]) => ({ key: groupKey(engine, group), file })),
    forecaster: engine.forecaster.state(),
  }
}

/** By the rule's name, not its version: a rule that was edited goes on where it stood, and rings nobody twice. */
function cellKey({ binding, district }: Engine, index: number): string {
  const cell = binding.cells[index]
  const sensor = district.sensors[cell?.sensor ?? -1]?.id ?? ''
  return `${cell?.rule.name} ${district.places[cell?.placeIndex ?? -1]?.id} ${sensor}`
}

function groupKey({ binding }: Engine, index: number): string {
  const group = binding.groups[index]
  return `${group?.place.id} ${group?.hazard}`
}

/**
 * Goes on from a kept state. `sensorIds`: the registry's order when it was written. What today's registry or rules
 * do not know is left out.
 */
export function restoreEngine(engine: Engine, state: EngineState, sensorIds: readonly string[]): void {
  const today = indexOfSensors(engine.district, sensorIds)
  engine.nowMs = state.nowMs
  for (const [old, index] of today.entries()) {
    if (index < 0) continue
    engine.lastAtMs[index] = state.lastAtMs[old] ?? Number.NEGATIVE_INFINITY
    engine.lastValue[index] = state.lastValue[old] ?? Number.NaN
  }
  restoreCells(engine, state)
  engine.order.restore(
    state.waiting.flatMap(reading => {
      const sensor = today[reading.sensor] ?? -1
      return sensor < 0 ? [] : [{ ...reading, sensor }]
    }),
  )
  engine.window.recent.restore(state.recent, today)
  restoreFiles(engine, state, today)
  engine.forecaster.restore(state.forecaster)
  engine.resumeTracking()
}

function restoreCells(engine: Engine, state: EngineState): void {
  const kept = new Map(state.cells.map(({ key, state }) => [key, state]))
  if (kept.size === 0) return
  for (let index = 0; index < engine.binding.cells.length; index++) {
    const found = kept.get(cellKey(engine, index))
    if (found !== undefined) engine.cells.restore(index, found)
  }
}

function restoreFiles(engine: Engine, state: EngineState, today: Int32Array): void {
  const kept = new Map(state.files.map(({ key, file }) => [key, file]))
  for (let group = 0; group < engine.binding.groups.length; group++) {
    const file = kept.get(groupKey(engine, group))
    if (file === undefined) continue
    const tracks = [...file.ledger.tracks].flatMap(([old, track]): [number, typeof track][] => {
      const sensor = today[old] ?? -1
      return sensor < 0 ? [] : [[sensor, track]]
    })
    engine.files.set(group, { ...file, ledger: { ...file.ledger, tracks: new Map(tracks) } })
  }
}

function indexOfSensors(district: District, sensorIds: readonly string[]): Int32Array {
  const index = new Map(district.sensors.map(({ id }, at) => [id, at]))
  return Int32Array.from(sensorIds, id => index.get(id) ?? -1)
}
