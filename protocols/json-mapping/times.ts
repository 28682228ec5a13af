/**
 * Times as devices write them, to UTC ms: ISO 8601 with or without its zone, and counts since 1970.
 */
export const timeFormats = ['iso', 'unix-s', 'unix-ms', 'unix-us', 'unix-ns'] as const
export type TimeFormat = (typeof timeFormats)[number]

const perMs = { 'unix-s': 1e-3, 'unix-ms': 1, 'unix-us': 1e3, 'unix-ns': 1e6 } as const

/** UTC ms; undefined when it is no time of that format. `zone` is that of a time which says none. */
export function timeMsOf(value: unknown, { format, zone }: { format: TimeFormat; zone: string }): number | undefined {
  if (format === 'iso') return typeof value === 'string' ? isoMs(value.trim(), zone) : undefined
  const isCount = typeof value === 'number' || (typeof value === 'string' && /^-?\d+(?:\.\d+)?$/.test(value))
  const atMs = isCount ? Number(value) / perMs[format] : Number.NaN
  return Number.isFinite(atMs) && Math.abs(atMs) < 8.64e15 ? Math.round(atMs) : undefined
}

const iso =
  /^(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?\s*(Z|[+-]\d{2}:?\d{2})?$/i

function isoMs(text: string, zone: string): number | undefined {
  const parts = iso.exec(text)
  if (parts === null) return undefined
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts
    .slice(1, 7)
    .map(part => Number(part ?? 0))
  const fractionMs = Math.floor(Number(`0.${parts[7] ?? '0'}`) * 1000)
  const wallMs = Date.UTC(year, month - 1, day, hour, minute, second) + fractionMs
  const exists = new Date(wallMs).getUTCDate() === day && month >= 1 && month <= 12 && hour < 24 && minute < 60
  if (!exists || second > 60) return undefined
  return wallMs - offsetMsAt(wallMs, parts[8] ?? zone)
}

/** How far a zone is ahead of UTC at a time on its wall: of `Z`, of `+08:00`, or of a name as `Asia/Shanghai`. */
function offsetMsAt(wallMs: number, zone: string): number {
  if (/^z$/i.test(zone)) return 0
  const [, sign, hours, minutes] = /^([+-])(\d{2}):?(\d{2})$/.exec(zone) ?? []
  if (hours !== undefined) return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000
  // The wall of the zone as if it were UTC, seen at that moment of UTC; once more, for the hours around a change.
  const guess = wallMs - namedOffsetMs(wallMs, zone)
  return namedOffsetMs(guess, zone)
}

function namedOffsetMs(atMs: number, zone: string): number {
  const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' })
  const name = format.formatToParts(atMs).find(({ type }) => type === 'timeZoneName')?.value ?? ''
  const [, sign, hours = '0', minutes = '0'] = /^GMT([+-])(\d{2}):(\d{2})/.exec(name) ?? []
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000
}

/** Whether there is such a zone. */
export function isZone(zone: string): boolean {
  if (/^(?:z|[+-]\d{2}:?\d{2})$/i.test(zone)) return true
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: zone }).resolvedOptions().timeZone !== ''
  } catch {
    return false // the only way Intl says that it knows no such zone
  }
}
