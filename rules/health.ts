/** How the rules process says that it is well, and what a person should do when it is not. */
import type { Check, ProcessHealth } from '@forewarn/contracts/health'
import type { Engine } from './engine/engine.ts'
import type { KeeperFigures } from './keeper.ts'
import type { LoadedRules } from './load-rules.ts'

export interface HealthFacts {
  readonly engine: Engine
  readonly loaded: LoadedRules
  readonly keeper: KeeperFigures
  /** Bytes of the journal that are not taken yet, and records that could not be read. */
  readonly behindBytes: number
  readonly damagedRecords: number
  readonly atMs: number
}

const farBehindBytes = 64 * 1024 * 1024

export function rulesHealth(facts: HealthFacts): ProcessHealth {
  const { engine, keeper, atMs } = facts
  return {
    process: 'rules',
    atMs,
    checks: [...fileChecks(facts), ...engineChecks(facts), queueCheck(facts), journalCheck(facts)],
    figures: {
      rules: facts.loaded.rules.length,
      cells: engine.binding.cells.length,
      readings: engine.figures.readings,
      lateReadings: engine.figures.late,
      minuteMsMax: Math.round(engine.figures.minuteMsMax * 10) / 10,
      openEpisodes: [...engine.files.values()].filter(({ open }) => open !== undefined).length,
      waitingEvents: keeper.waitingEvents,
      snapshots: keeper.snapshots,
      behindBytes: facts.behindBytes,
      damagedRecords: facts.damagedRecords,
    },
  }
}

function fileChecks({ loaded }: HealthFacts): Check[] {
  const bad = loaded.unusable.map(({ file, errors, stories }): Check => {
    const [error] = errors
    const story = stories.find(({ passed }) => !passed)
    const detail = error
      ? `line ${error.line}, column ${error.column}: ${error.message}`
      : `story "${story?.name}": ${story?.detail}`
    return { name: `rule-file ${file}`, status: 'failed', detail, remedy: 'put the file right, and restart rules' }
  })
  if (bad.length > 0) return bad
  if (loaded.rules.length === 0) {
    return [{ name: 'rule-files', status: 'failed', detail: 'no rules', remedy: 'set the rules folder' }]
  }
  return [{ name: 'rule-files', status: 'ok', detail: `${loaded.rules.length} rules`, remedy: '' }]
}

function engineChecks({ engine }: HealthFacts): Check[] {
  const failing = engine.failing().map(
    ({ rule, trouble }): Check => ({
      name: `rule ${rule}`,
      status: 'failed',
      detail: trouble,
      remedy: 'the rule is set aside until a restart; put it right',
    }),
  )
  const { remarks } = engine.binding
  if (remarks.length === 0) return failing
  const more = remarks.length > 1 ? ` (and ${remarks.length - 1} more)` : ''
  const detail = `${remarks[0]}${more}`
  const remedy = 'add the limit or the gauge to the registry'
  return [...failing, { name: 'registry', status: 'warning', detail, remedy }]
}

function queueCheck({ keeper }: HealthFacts): Check {
  if (keeper.trouble === undefined) return { name: 'warnings', status: 'ok', detail: 'passed on', remedy: '' }
  return {
    name: 'warnings',
    status: 'failed',
    detail: `${keeper.waitingEvents} events wait: ${keeper.trouble}`,
    remedy: 'look at the queue and the disk; nothing is lost, it is tried again every few seconds',
  }
}

function journalCheck({ behindBytes, damagedRecords }: HealthFacts): Check {
  if (damagedRecords > 0) {
    const detail = `${damagedRecords} records could not be read`
    return { name: 'journal', status: 'warning', detail, remedy: 'look at the disk' }
  }
  const isFar = behindBytes > farBehindBytes
  return {
    name: 'journal',
    status: isFar ? 'warning' : 'ok',
    detail: isFar ? `${Math.round(behindBytes / 1_048_576)} MB behind` : 'up to date',
    remedy: isFar ? 'rules are slower than the readings; look at the processor' : '',
  }
}
