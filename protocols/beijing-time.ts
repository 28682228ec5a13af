/**
 * Device times of Chinese field protocols: Beijing time, no zone, two-digit years. Here they become ISO texts for people
 * and UTC for the house.
 */

/** Beijing is eight hours ahead of UTC, without daylight saving since 1991. */
const aheadMs = 8 * 3_600_000

/** Year to second of a device's clock; the year in full. */
export interface DeviceTime {
  readonly year: number
  readonly month: number
  readonly day: number
  readonly hour: number
  readonly minute: number
  readonly second: number
}

/**
 * From the digits `YYMMDDHHmm` or `YYMMDDHHmmSS`, or with a four-digit year (8, 12, 14 digits). Undefined when they
 * are no moment of the calendar: a clock that lost its battery says month 0.
 */
export function deviceTimeOf(digits: string): DeviceTime | undefined {
  if (!/^\d+$/.test(digits)) return undefined
  const full = digits.length === 10 ? `20${digits}00` : digits.length === 12 ? `20${digits}` : digits
  return full.length === 14 ? calendarTime(full) : undefined
}

function calendarTime(digits: string): DeviceTime | undefined {
  const part = (from: number, until: number) => Number(digits.slice(from, until))
  const [year, month, day] = [part(0, 4), part(4, 6), part(6, 8)]
  const [hour, minute, second] = [part(8, 10), part(10, 12), part(12, 14)]
  if (month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59) return undefined
  const daysInMonth = new Date(Date.UTC(year, month, 0)).getUTCDate()
  return day > daysInMonth ? undefined : { year, month, day, hour, minute, second }
}

/** UTC ms of a moment on a Beijing clock. */
export function beijingToUtcMs({ year, month, day, hour, minute, second }: DeviceTime): number {
  return Date.UTC(year, month - 1, day, hour, minute, second) - aheadMs
}

/** UTC ms of an ISO text without a zone (`2014-12-05T11:00`, seconds optional) on a Beijing clock; undefined when it is none. */
export function beijingIsoToUtcMs(iso: string): number | undefined {
  const digits = iso.replace(/[-T:]/g, '')
  const time = deviceTimeOf(digits.length === 12 ? `${digits}00` : digits)
  return time === undefined ? undefined : beijingToUtcMs(time)
}

/** The digits `YYMMDDHHmmSS` of a UTC time on a Beijing clock. */
export function beijingDigits(utcMs: number): string {
  return new Date(utcMs + aheadMs).toISOString().replace(/[-T:]/g, '').slice(2, 14)
}

const two = (value: number) => String(value).padStart(2, '0')

/** `2014-12-05T11:00`. */
export function isoMinute({ year, month, day, hour, minute }: DeviceTime): string {
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}`
}

/** `2014-12-05T11:00:02`. */
export function isoSecond(time: DeviceTime): string {
  return `${isoMinute(time)}:${two(time.second)}`
}
