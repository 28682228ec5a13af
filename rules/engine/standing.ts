/**
 * From the cells of a place and hazard to one standing: which rule says the worst, since when, on what evidence.
 */

import type { District } from '@forewarn/contracts/district'
import type { EpisodeRaised, Forecast } from '@forewarn/contracts/episode'
import type { Condition } from '@forewarn/contracts/level'
import { compareConditions } from '@forewarn/contracts/level'
import { quantities } from '@forewarn/contracts/quantity'
import type { Binding, Cell, Group } from './binding.ts'
import { type Cells, levelOfRank } from './cells.ts'
import { mainCrossing, type Standing } from './episodes.ts'

export interface Scene {
  readonly district: District
  readonly binding: Binding
  readonly cells: Cells
  readonly lastValue: Float64Array
  readonly lastAtMs: Float64Array
  readonly forecastOf: (placeId: string, horizonMs: number) => Forecast | undefined
  readonly nowMs: number
}

/** Readings older than this, when they decide, look back: the warning must not ring as if it were now. */
const retrospectiveAfterMs = 15 * 60_000

interface Lead {
  readonly condition: Condition
  readonly cell: number
}

/** What all rules together say of the group; undefined for a group without cells. */
export function standingOf(scene: Scene, group: Group): Standing | undefined {
  const lead = leadOf(scene, group)
  const cell = scene.binding.cells[lead?.cell ?? -1]
  if (lead === undefined || cell === undefined) return undefined
  const isColoured = lead.condition !== 'none' && lead.condition !== 'unknown'
  const forecastOf = () => cell.rule.forecast && scene.forecastOf(group.place.id, cell.rule.forecast.horizonMs)
  const crossing = isColoured ? mainCrossing(forecastOf()) : undefined
  const onsetMs = scene.cells.onsetMs[lead.cell] ?? Number.NaN
  return {
    placeId: group.place.id,
    hazard: group.hazard,
    condition: lead.condition,
    rule: cell.rule,
    onsetAtMs: isColoured && !Number.isNaN(onsetMs) ? onsetMs : scene.nowMs,
    plan: planOf(scene, group, cell),
    probability: crossing?.probability,
    expectedAtMs: crossing?.atMs,
    retrospective: isColoured && cell.sensor >= 0 && isOld(scene, cell.sensor),
    evidence: () => evidenceOf(scene, lead, cell, forecastOf()),
  }
}

function isOld(scene: Scene, sensor: number): boolean {
  return scene.nowMs - (scene.lastAtMs[sensor] ?? scene.nowMs) > retrospectiveAfterMs
}

/** The worst that a rule says, rule by rule; a rule says unknown when all its sensors here are blind. */
function leadOf({ binding, cells }: Scene, group: Group): Lead | undefined {
  let lead: Lead | undefined
  for (let from = 0; from < group.cells.length; ) {
    const rule = binding.cells[group.cells[from] ?? -1]?.ruleIndex
    let until = from
    let [worst, isSeeing] = [group.cells[from] ?? 0, false]
    // Cells of one rule stand together: binding goes rule by rule.
    while (until < group.cells.length && binding.cells[group.cells[until] ?? -1]?.ruleIndex === rule) {
      const cell = group.cells[until] ?? 0
      if (cells.blind[cell] === 0) isSeeing = true
      if ((cells.level[cell] ?? 0) > (cells.level[worst] ?? 0)) worst = cell
      until += 1
    }
    const condition: Condition = isSeeing ? levelOfRank(cells.level[worst] ?? 0) : 'unknown'
    if (lead === undefined || compareConditions(condition, lead.condition) < 0) lead = { condition, cell: worst }
    from = until
  }
  return lead
}

/** The leading rule's plan, or that of another rule which sees the same hazard coming. */
function planOf({ binding, cells }: Scene, group: Group, lead: Cell): string | undefined {
  if (lead.rule.plan !== undefined) return lead.rule.plan
  const other = group.cells.find(cell => (cells.level[cell] ?? 0) > 0 && binding.cells[cell]?.rule.plan !== undefined)
  return other === undefined ? undefined : binding.cells[other]?.rule.plan
}

type Evidence = EpisodeRaised['evidence']

function evidenceOf(scene: Scene, lead: Lead, cell: Cell, forecast: Forecast | undefined): Evidence {
  if (lead.condition === 'unknown') return blindEvidence(scene, cell, forecast)
  const when = cell.rule.levels.find(({ level }) => level === lead.condition)?.when
  const condition = when?.source ?? cell.rule.clear.when.source
  if (forecast !== undefined) return { condition, readings: [], forecast, reason: forecast.explanation }
  const reading = readingOf(scene, cell.sensor)
  if (reading === undefined) return { condition, readings: [], reason: cell.rule.title }
  const { unit } = quantities[reading.quantity]
  const shown = `${Number(reading.value.toPrecision(4))} ${unit}`
  return {
    condition,
    readings: [reading],
    reason: {
      zh: `${cell.rule.title.zh}：${reading.sensor} 实测 ${shown}。`,
      en: `${cell.rule.title.en}: ${reading.sensor} reads ${shown}.`,
    },
  }
}

function readingOf({ district, lastAtMs, lastValue }: Scene, index: number) {
  const sensor = district.sensors[index]
  const [measuredAtMs, value] = [lastAtMs[index] ?? Number.NaN, lastValue[index] ?? Number.NaN]
  if (sensor === undefined || !Number.isFinite(measuredAtMs) || Number.isNaN(value)) return undefined
  return { sensor: sensor.id, quantity: sensor.quantity, value, measuredAtMs }
}

function blindEvidence(scene: Scene, cell: Cell, forecast: Forecast | undefined): Evidence {
  const common = { condition: `silent: ${cell.rule.silentPeriods ?? 0} periods` }
  if (cell.sensor < 0) {
    const none = { zh: '雨量计尚无数据，无法预报。', en: 'No rain gauge has spoken, so nothing can be foreseen.' }
    return {
      condition: 'rain is stale',
      readings: [],
      ...(forecast === undefined ? {} : { forecast }),
      reason: forecast?.explanation ?? none,
    }
  }
  const sensor = scene.district.sensors[cell.sensor]?.id ?? ''
  const last = readingOf(scene, cell.sensor)
  if (last === undefined) {
    const reason = { zh: `${sensor} 从未上报。`, en: `${sensor} has never spoken.` }
    return { ...common, readings: [], reason }
  }
  const minutes = Math.round((scene.nowMs - last.measuredAtMs) / 60_000)
  return {
    ...common,
    readings: [last],
    reason: { zh: `${sensor} 已${minutes}分钟未上报。`, en: `${sensor} has been silent for ${minutes} min.` },
  }
}

/** A standing of something that late readings show to have been: raised looking back, without a plan to act on. */
export function lookingBack({
  cell,
  group,
  condition,
  sinceMs,
  reading,
}: {
  cell: Cell
  group: Group
  condition: Condition
  sinceMs: number
  reading: Evidence['readings'][number]
}): Standing {
  return {
    placeId: group.place.id,
    hazard: group.hazard,
    condition,
    rule: cell.rule,
    onsetAtMs: sinceMs,
    plan: undefined,
    probability: undefined,
    expectedAtMs: undefined,
    retrospective: true,
    evidence: () => ({
      condition: cell.rule.levels.find(({ level }) => level === condition)?.when.source ?? '',
      readings: [reading],
      reason: { zh: '迟到数据表明此前曾超限。', en: 'Readings that came late show that it was exceeded.' },
    }),
  }
}
