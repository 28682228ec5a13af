/** Times, durations and quantities as officers read them. */
import type { Quantity } from '@forewarn/contracts/quantity'
import { language, t } from './language.ts'
import { quantities } from './quantities.ts'

const formats = new Map<string, Intl.DateTimeFormat>()

function formatOf(zone: string, seconds: boolean): Intl.DateTimeFormat {
  const key = `${zone} ${seconds}`
  const known = formats.get(key)
  if (known !== undefined) return known
  const made = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    hour: '2-digit',
    minute: '2-digit',
    ...(seconds ? { second: '2-digit' } : {}),
    hourCycle: 'h23',
  })
  formats.set(key, made)
  return made
}

/** 14:06 in the district's time zone. */
export function clockTime(atMs: number, zone: string): string {
  return formatOf(zone, false).format(atMs)
}

/** 14:06:27 in the district's time zone. */
export function clockSeconds(atMs: number, zone: string): string {
  return formatOf(zone, true).format(atMs)
}

/** The day in the district's time zone, 2026-07-01. */
export function clockDay(atMs: number, zone: string): string {
  return new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short' }).format(atMs)
}

/** 0:24, 12:05, 1:02:00: for things that are counted in seconds. */
export function stopwatch(ms: number): string {
  const total = Math.max(0, Math.floor(ms / 1000))
  const [hours, minutes, seconds] = [Math.floor(total / 3600), Math.floor((total % 3600) / 60), total % 60]
  const two = (n: number) => String(n).padStart(2, '0')
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`
}

/** 1.2 s, 41 s, 6 min, 3 h: how long ago, roughly. */
export function age(ms: number): string {
  const seconds = Math.max(0, ms / 1000)
  if (seconds < 10) return t('seconds', { n: seconds.toFixed(1) })
  if (seconds < 100) return t('seconds', { n: Math.round(seconds) })
  if (seconds < 5400) return t('minutesLong', { n: Math.round(seconds / 60) })
  if (seconds < 172_800) return t('hoursShort', { n: Math.round(seconds / 3600) })
  return t('daysShort', { n: Math.round(seconds / 86_400) })
}

/** 78% */
export function percent(share: number, digits = 0): string {
  return `${(share * 100).toFixed(digits)}%`
}

/** A whole number with a true minus sign, and a plus when asked for. */
export function signed(value: number): string {
  const rounded = Math.round(value)
  return rounded < 0 ? `−${-rounded}` : `+${rounded}`
}

/** 1,500 */
export function grouped(value: number): string {
  return new Intl.NumberFormat(language.value).format(value)
}

/** A value of a quantity in the unit officers use, e.g. 12 cm for 0.12 m. */
export function measured(quantity: string, value: number): string {
  const { factor, unit, digits } = shownAs(quantity)
  const shown = value * factor
  return `${shown.toFixed(Math.abs(shown) >= 100 ? 0 : digits)} ${unit}`.replace('-', '−').trim()
}

/** How officers read a quantity: what to multiply with, and the unit's sign. */
export function shownAs(quantity: string): { factor: number; unit: string; digits: number } {
  return isQuantity(quantity) ? quantities[quantity] : { factor: 1, unit: '', digits: 1 }
}

function isQuantity(name: string): name is Quantity {
  return Object.hasOwn(quantities, name)
}
