/**
 * What the sentences of NMEA 0183 say, field by field: position, course, time, heading, depth, wind, transducers. An
 * empty field is null and never zero. Positions are WGS-84 degrees, south and west negative.
 */
import type { Sentence } from './sentence.ts'

export type NmeaValue = string | number | null | readonly NmeaValue[] | { readonly [name: string]: NmeaValue }
export type NmeaRecord = { readonly type: string } & { readonly [name: string]: NmeaValue }

type Fields = readonly string[]
type Reader = (fields: Fields) => { readonly [name: string]: NmeaValue }

/** The record of a sentence; of a type that is not in the tables its talker and fields as they came. */
export function recordOf({ talker, type, fields }: Sentence): NmeaRecord {
  const read = Object.hasOwn(readers, type) ? readers[type] : undefined
  return read === undefined ? { type, talker, fields } : { type, ...read(fields) }
}

const readers: Readonly<Record<string, Reader>> = {
  RMC: f => ({
    datetime: dateTime(f[8], f[0]),
    status: status(f[1]),
    ...position(f, 2),
    speed_knots: num(f[6]),
    track_deg: num(f[7]),
    variation: variation(f[9], f[10]),
  }),
  GGA: f => ({
    timeUTC: time(f[0]),
    ...position(f, 1),
    quality: num(f[5]),
    satellites: num(f[6]),
    hdop: num(f[7]),
    altitude_m: num(f[8]),
    geoid_m: num(f[10]),
  }),
  GNS: f => ({
    timeUTC: time(f[0]),
    ...position(f, 1),
    mode: text(f[5]),
    satellites: num(f[6]),
    hdop: num(f[7]),
    altitude_m: num(f[8]),
    geoid_m: num(f[9]),
  }),
  GLL: f => ({ ...position(f, 0), timeUTC: time(f[4]), status: status(f[5]), ...optional('mode', f[6]) }),
  VTG: f => ({ track_true: num(f[0]), speed_knots: num(f[4]), ...optional('mode', f[8]) }),
  ZDA: f => ({ datetime: zdaTime(f), zone_h: num(f[4]), zone_min: num(f[5]) }),
  GSA: f => ({
    fix: choice(f[1], { 1: 'none', 2: '2D', 3: '3D' }),
    satellites: numbers(f.slice(2, 14)),
    pdop: num(f[14]),
    hdop: num(f[15]),
    vdop: num(f[16]),
  }),
  GSV: f => ({ messages: num(f[0]), message: num(f[1]), inView: num(f[2]), satellites: satellites(f.slice(3)) }),
  HDT: f => ({ heading: num(f[0]) }),
  HDM: f => ({ heading: num(f[0]) }),
  HDG: f => ({ heading: num(f[0]), deviation: variation(f[1], f[2]), variation: variation(f[3], f[4]) }),
  ROT: f => ({ rate_deg_min: num(f[0]), status: status(f[1]) }),
  DBT: f => ({ depth_ft: num(f[0]), depth_m: num(f[2]), depth_fathoms: num(f[4]) }),
  DBS: f => ({ depth_ft: num(f[0]), depth_m: num(f[2]), depth_fathoms: num(f[4]) }),
  DBK: f => ({ depth_ft: num(f[0]), depth_m: num(f[2]), depth_fathoms: num(f[4]) }),
  DPT: f => ({ depth_m: num(f[0]), offset_m: num(f[1]), ...(f.length > 2 ? { range_m: num(f[2]) } : {}) }),
  MTW: f => ({ temperature_C: num(f[0]) }),
  MWV: f => ({
    angle_deg: num(f[0]),
    reference: choice(f[1], { R: 'relative', T: 'true' }),
    speed: num(f[2]),
    unit: choice(f[3], { K: 'km/h', M: 'm/s', N: 'knots', S: 'mph' }),
    status: status(f[4]),
  }),
  MWD: f => ({
    direction_true: num(f[0]),
    direction_magnetic: num(f[2]),
    speed_knots: num(f[4]),
    speed_m_s: num(f[6]),
  }),
  MDA: f => ({
    pressure_bar: num(f[2]),
    air_C: num(f[4]),
    water_C: num(f[6]),
    humidity_pct: num(f[8]),
    dewPoint_C: num(f[10]),
    wind_true: num(f[12]),
    wind_magnetic: num(f[14]),
    wind_knots: num(f[16]),
    wind_m_s: num(f[18]),
  }),
  VHW: f => ({
    heading_true: num(f[0]),
    heading_magnetic: num(f[2]),
    speed_knots: num(f[4]),
    speed_kmh: num(f[6]),
  }),
  XDR: f => ({ transducers: transducers(f) }),
  TXT: f => ({ total: num(f[0]), number: num(f[1]), id: num(f[2]), text: text(f[3]) }),
}

/** A decimal number; anything else is nothing known. */
function num(field: string | undefined): number | null {
  return field !== undefined && /^[+-]?(?:\d+\.?\d*|\.\d+)$/.test(field) ? Number(field) : null
}

function numbers(fields: Fields): number[] {
  return fields.map(num).filter(value => value !== null)
}

function text(field: string | undefined): string | null {
  return field === undefined || field === '' ? null : field
}

/** Fields of later editions: absent is not the same as empty. */
function optional(name: string, field: string | undefined): { [name: string]: NmeaValue } {
  return field === undefined ? {} : { [name]: text(field) }
}

function choice(field: string | undefined, names: Readonly<Record<string, string>>): string | null {
  return field !== undefined && Object.hasOwn(names, field) ? (names[field] ?? null) : null
}

/** A: data valid; V: a warning, no fix. */
function status(field: string | undefined): string | null {
  return choice(field, { A: 'valid', V: 'invalid' })
}

/** Four fields from `at` on: ddmm.mmmm, N or S, dddmm.mmmm, E or W. */
function position(fields: Fields, at: number) {
  const latitude = degrees(fields[at], choice(fields[at + 1], { N: '+', S: '-' }))
  const longitude = degrees(fields[at + 2], choice(fields[at + 3], { E: '+', W: '-' }))
  const onTheGlobe = (limit: number, value: number | null) =>
    value !== null && Math.abs(value) <= limit ? value : null
  return { latitude: onTheGlobe(90, latitude), longitude: onTheGlobe(180, longitude) }
}

/** Degrees to six decimals, a tenth of a metre. */
function degrees(field: string | undefined, sign: string | null): number | null {
  const [, whole, minutes] = /^(\d{1,3})(\d{2}(?:\.\d*)?)$/.exec(field ?? '') ?? []
  if (sign === null || whole === undefined || Number(minutes) >= 60) return null
  const value = Number((Number(whole) + Number(minutes) / 60).toFixed(6))
  return sign === '-' && value !== 0 ? -value : value
}

/** `211722.50` as `21:17:22.5`; a whole second without a fraction. */
function time(field: string | undefined): string | null {
  const [, hour, minute, second, fraction = ''] = /^(\d{2})(\d{2})(\d{2})(?:\.(\d*))?$/.exec(field ?? '') ?? []
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60 || hour === undefined) return null
  const rest = fraction.replace(/0+$/, '')
  return `${hour}:${minute}:${second}${rest === '' ? '' : `.${rest}`}`
}

/** Date `ddmmyy` and a time. GPS began in 1980: what is earlier is of this century. */
function dateTime(date: string | undefined, clock: string | undefined): string | null {
  const [, day = '', month = '', year = ''] = /^(\d{2})(\d{2})(\d{2})$/.exec(date ?? '') ?? []
  return moment({ year: `${Number(year) >= 80 ? '19' : '20'}${year}`, month, day, clock })
}

function zdaTime([clock, day = '', month = '', year = '']: Fields): string | null {
  return moment({ year, month: month.padStart(2, '0'), day: day.padStart(2, '0'), clock })
}

function moment({ year, month, day, clock }: { year: string; month: string; day: string; clock: string | undefined }) {
  const at = time(clock)
  const noon = Date.parse(`${year}-${month}-${day}T12:00:00Z`)
  const isDate = Number.isFinite(noon) && new Date(noon).toISOString().startsWith(`${year}-${month}-${day}`)
  return at === null || !isDate ? null : `${year}-${month}-${day}T${at}Z`
}

/** `3.1W`. */
function variation(angle: string | undefined, side: string | undefined): string | null {
  const value = num(angle)
  return value === null || (side !== 'E' && side !== 'W') ? null : `${value}${side}`
}

function satellites(fields: Fields): NmeaValue[] {
  return Array.from({ length: Math.floor(fields.length / 4) }, (_, index) => {
    const [prn, elevation, azimuth, snr] = fields.slice(index * 4, index * 4 + 4).map(num)
    return { prn: prn ?? null, elevation: elevation ?? null, azimuth: azimuth ?? null, snr: snr ?? null }
  })
}

/** Groups of four: kind, value, unit, name. */
function transducers(fields: Fields): NmeaValue[] {
  return Array.from({ length: Math.floor(fields.length / 4) }, (_, index) => {
    const [kind, value, unit, name] = fields.slice(index * 4, index * 4 + 4)
    return { kind: text(kind), value: num(value), unit: text(unit), name: text(name) }
  })
}
