/** The limits of a warning's place as lines on its chart, and which of them the warning is about. */
import type { Forecast } from '@forewarn/contracts/episode'
import type { Warning } from '@forewarn/contracts/warning'
import { t } from './language.ts'
import { levelOfLimit, type ShownLevel } from './levels.ts'
import { placeOf } from './state.ts'

export interface ShownLimit {
  readonly value: number
  readonly level: Exclude<ShownLevel, 'unknown'> | undefined
  /** Its colour in words, else its name in the registry. */
  readonly word: string
  /** The one whose crossing is counted down to. */
  readonly decides: boolean
}

/** Lowest first. Limits that a forecast speaks of and the registry does not name are there as well. */
export function limitsOf(warning: Warning, forecast: Forecast | undefined): ShownLimit[] {
  const named = Object.entries(placeOf(warning.placeId)?.limits ?? {}).map(([name, value]) => {
    const level = levelOfLimit(name)
    return { value, level, word: level === undefined ? name : t(level) }
  })
  const forecastOnly = (forecast?.crossings ?? [])
    .filter(({ limit }) => !named.some(one => one.value === limit))
    .map(({ limit }) => ({ value: limit, level: undefined, word: '' }))
  const all = [...named, ...forecastOnly].sort((a, b) => a.value - b.value)
  const decisive = all.find(limit => limit.level === warning.level) ?? all.find(limit => crosses(forecast, limit.value))
  return all.map(limit => ({ ...limit, decides: limit === decisive }))
}

function crosses(forecast: Forecast | undefined, value: number): boolean {
  return forecast?.crossings.some(({ limit, probability }) => limit === value && probability >= 0.5) ?? false
}
