/** Times as people and devices write them into files, and the zone that goes without saying. */

const parts = ['YYYY', 'MM', 'DD', 'HH', 'mm', 'ss'] as const

/** `iso`, `unix-s`, `unix-ms`, or a picture that has at least year, month and day. */
export function isTimeFormat(format: string): boolean {
  if (format === 'iso' || format === 'unix-s' || format === 'unix-ms') return true
  return parts.slice(0, 3).every(part => format.split(part).length === 2)
}

/** Whether Node knows the time zone by this name. */
export function isZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone !== ''
  } catch {
    // Intl says no by throwing.
    return false
  }
}

/** UTC ms of a text; undefined when it is no moment of the calendar. */
export type TimeReader = (text: string) => number | undefined

/** Reads texts of one format; those without an offset of their own are of `zone`. */
export function timeReader({ format, zone }: { format: string; zone: string }): TimeReader {
  if (format === 'unix-s')
    return text => (/^\d{1,12}(\.\d+)?$/.test(text) ? Math.round(Number(text) * 1000) : undefined)
  if (format === 'unix-ms') return text => (/^\d{1,15}$/.test(text) ? Number(text) : undefined)
  const toUtc = zoneReader(zone)
  if (format === 'iso') return text => isoToUtc(text, toUtc)
  const { pattern, order } = pictureOf(format)
  return text => {
    const found = pattern.exec(text.trim())
    if (found === null) return undefined
    const value = (part: string) => (order.includes(part) ? Number(found[order.indexOf(part) + 1]) : 0)
    return toUtc([value('YYYY'), value('MM'), value('DD'), value('HH'), value('mm'), value('ss')], 0)
  }
}

function pictureOf(format: string): { pattern: RegExp; order: readonly string[] } {
  const order = parts.filter(part => format.includes(part)).toSorted((a, b) => format.indexOf(a) - format.indexOf(b))
  const escaped = format.replace(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`)
  // `7.4.2026 9:05` is meant by DD.MM.YYYY HH:mm as well; only where nothing parts them must digits be full.
  const digits = /(?:YYYY|MM|DD|HH|mm|ss){2}/.test(format) ? String.raw`(\d{2})` : String.raw`(\d{1,2})`
  const digitsOf = (part: string) => (part === 'YYYY' ? String.raw`(\d{4})` : digits)
  const source = order.reduce((text, part) => text.replace(part, digitsOf(part)), escaped)
  return { pattern: new RegExp(`^${source}$`), order }
}

const iso =
  /^(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?\s*(Z|[+-]\d{2}:?\d{2})?$/

function isoToUtc(text: string, toUtc: ZoneReader): number | undefined {
  const found = iso.exec(text.trim())
  if (found === null) return undefined
  const numbers = found.slice(1, 7).map(part => Number(part ?? 0))
  const ms = Number(`0.${found[7] ?? 0}`) * 1000
  const offset = found[8]
  if (offset === undefined) return toUtc(numbers, ms)
  const atMs = calendarMs(numbers)
  return atMs === undefined ? undefined : Math.round(atMs + ms - offsetMs(offset))
}

function offsetMs(offset: string): number {
  if (offset === 'Z') return 0
  const minutes = Number(offset.slice(1, 3)) * 60 + Number(offset.slice(-2))
  return (offset.startsWith('-') ? -minutes : minutes) * 60_000
}

type ZoneReader = (numbers: readonly number[], ms: number) => number | undefined

/** From year, month … second on the clocks of a zone to UTC. */
function zoneReader(zone: string): ZoneReader {
  const clock = new Intl.DateTimeFormat('en-u-ca-iso8601-nu-latn', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  const shownMs = (utcMs: number) => {
    const shown = new Map(clock.formatToParts(utcMs).map(({ type, value }) => [type, Number(value)]))
    const value = (type: Intl.DateTimeFormatPartTypes) => shown.get(type) ?? 0
    return Date.UTC(value('year'), value('month') - 1, value('day'), value('hour'), value('minute'), value('second'))
  }
  return (numbers, ms) => {
    const wantedMs = calendarMs(numbers)
    if (wantedMs === undefined) return undefined
    // Twice, because the offset may change between the first guess and the moment itself.
    const guessMs = wantedMs - (shownMs(wantedMs) - wantedMs)
    return Math.round(guessMs + (wantedMs - shownMs(guessMs)) + ms)
  }
}

/** As if it were UTC; undefined when there is no such day or time of day. */
function calendarMs([year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0]: readonly number[]) {
  const atMs = Date.UTC(year, month - 1, day, hour, minute, second)
  const back = new Date(atMs)
  const isMoment =
    back.getUTCMonth() === month - 1 && back.getUTCDate() === day && hour < 24 && minute < 60 && second < 60
  return isMoment && year >= 1970 ? atMs : undefined
}
