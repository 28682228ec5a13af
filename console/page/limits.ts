/** The limits of a warning's place as lines on its chart, and which of them the warning is about. */
import type { Forecast } from '@forewarn/contracts/episode'
import type { Warning } from '@forewarn/contracts/warning'
import type { Word } from './dictionary.ts'
import { t } from './language.ts'
import { levelOfLimit, type ShownLevel } from './levels.ts'
import { placeOf } from './state.ts'

export interface ShownLimit {
  readonly value: number
  readonly level: Exclude<ShownLevel, 'unknown'> | undefined
  /** What happens there, else its name in the registry. */
  readonly word: string
  /** The one whose crossing is counted down to. */
  readonly decides: boolean
}

/** Lowest first. Limits that a forecast speaks of and the registry does not name are there as well. */
export function limitsOf(warning: Warning, forecast: Forecast | undefined): ShownLimit[] {
  const named = Object.entries(placeOf(warning.placeId)?.limits ?? {}).map(([name, value]) => {
    const level = levelOfLimit(name)
    const word = lineWords[name]
    return { name, value, level, word: word === undefined ? name : t(word) }
  })
  const forecastOnly = (forecast?.crossings ?? [])
    .filter(({ limit }) => !named.some(one => one.value === limit))
    .map(({ limit }) => ({ name: '', value: limit, level: undefined, word: '' }))
  const all = [...named, ...forecastOnly].sort((a, b) => a.value - b.value)
  const decisive = decisiveOf(all, warning, forecast)
  return all.map(({ value, level, word }) => ({ value, level, word, decides: value === decisive }))
}

/** Limits have names in the registry; these are known to officers by what happens there. */
const lineWords: Partial<Record<string, Word>> = {
  flooded: 'lineFlooded',
  closed: 'lineClosed',
  danger: 'lineDanger',
}

/**
 * The limit that the rule's condition names; else the one whose expected crossing is the warning's; else the one of
 * its colour. A forecast rule may well give orange for the chance of crossing the lowest limit.
 */
function decisiveOf(
  limits: readonly { name: string; value: number; level: string | undefined }[],
  warning: Warning,
  forecast: Forecast | undefined,
): number | undefined {
  const named = /place\.limit\.(\w+)/.exec(warning.evidence.condition)?.[1]
  const expected = warning.expectedAtMs?.p50
  const crossing = forecast?.crossings.find(one => expected !== undefined && one.atMs?.p50 === expected)
  return (
    limits.find(limit => limit.name === named)?.value ??
    crossing?.limit ??
    limits.find(limit => limit.level === warning.level)?.value
  )
}
