/**
 * The texts inside a CAP 1.2 alert (OASIS CAP-v1.2 §3.2): times, places, lists and code words. Each reader returns
 * its value, or a sentence about what is wrong.
 */
export interface CapReference {
  readonly sender: string
  readonly identifier: string
  readonly sentAtMs: number
}

/** WGS-84, degrees. */
export interface CapPoint {
  readonly lat: number
  readonly lon: number
}

export interface CapCircle extends CapPoint {
  readonly radiusKm: number
}

export type Read<T> = { readonly value: T } | string

/** The code words of CAP, by element. */
export const codeWords = {
  status: ['Actual', 'Exercise', 'System', 'Test', 'Draft'],
  msgType: ['Alert', 'Update', 'Cancel', 'Ack', 'Error'],
  scope: ['Public', 'Restricted', 'Private'],
  category: [
    'Geo',
    'Met',
    'Safety',
    'Security',
    'Rescue',
    'Fire',
    'Health',
    'Env',
    'Transport',
    'Infra',
    'CBRNE',
    'Other',
  ],
  responseType: ['Shelter', 'Evacuate', 'Prepare', 'Execute', 'Avoid', 'Monitor', 'Assess', 'AllClear', 'None'],
  urgency: ['Immediate', 'Expected', 'Future', 'Past', 'Unknown'],
  severity: ['Extreme', 'Severe', 'Moderate', 'Minor', 'Unknown'],
  certainty: ['Observed', 'Likely', 'Possible', 'Unlikely', 'Unknown'],
} as const
export type CodeElement = keyof typeof codeWords

const capTime = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})([+-])(\d{2}):(\d{2})$/

/** A time with its zone in numbers, as UTC ms. `Z` is not allowed (§3.3.2): UTC is written -00:00. */
export function readTime(text: string): Read<number> {
  const parts = capTime.exec(text)
  if (parts === null) return `${shown(text)} is no time with a zone in numbers, as 2026-07-20T23:05:00+08:00`
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1, 7).map(Number)
  const [zoneHours = 0, zoneMinutes = 0] = parts.slice(8, 10).map(Number)
  const wallMs = Date.UTC(year, month - 1, day, hour, minute, second)
  const wall = new Date(wallMs)
  const exists = wall.getUTCMonth() === month - 1 && wall.getUTCDate() === day && hour < 24 && minute < 60
  if (!exists || second > 60 || zoneHours > 14 || zoneMinutes > 59)
    return `${shown(text)} is a time that does not exist`
  const offsetMs = (zoneHours * 60 + zoneMinutes) * 60_000
  return { value: parts[7] === '-' ? wallMs + offsetMs : wallMs - offsetMs }
}

const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)$/

function readPoint(text: string): Read<CapPoint> {
  const [lat = '', lon = '', ...more] = text.split(',')
  if (more.length > 0 || !decimal.test(lat) || !decimal.test(lon)) return `${shown(text)} is no point lat,lon`
  const point = { lat: Number(lat), lon: Number(lon) }
  const onEarth = Math.abs(point.lat) <= 90 && Math.abs(point.lon) <= 180
  return onEarth ? { value: point } : `${shown(text)} is not on the earth`
}

/** `lat,lon lat,lon …`: at least four points, the last one the first again. */
export function readPolygon(text: string): Read<CapPoint[]> {
  const points: CapPoint[] = []
  for (const word of wordsOf(text)) {
    const point = readPoint(word)
    if (typeof point === 'string') return point
    points.push(point.value)
  }
  const [first] = points
  const last = points.at(-1)
  if (points.length < 4) return `a polygon has at least four points, this one ${points.length}`
  const closed = first?.lat === last?.lat && first?.lon === last?.lon
  return closed ? { value: points } : 'the polygon is open: its last point is not its first'
}

/** `lat,lon radius`, the radius in kilometres. */
export function readCircle(text: string): Read<CapCircle> {
  const [centre = '', radius = '', ...more] = wordsOf(text)
  if (more.length > 0 || radius === '') return `${shown(text)} is no circle lat,lon radius`
  const point = readPoint(centre)
  if (typeof point === 'string') return point
  if (!decimal.test(radius) || Number(radius) < 0) return `${shown(radius)} is no radius in km`
  return { value: { ...point.value, radiusKm: Number(radius) } }
}

/** `sender,identifier,sent sender,identifier,sent …` */
export function readReferences(text: string): Read<CapReference[]> {
  const references: CapReference[] = []
  for (const word of wordsOf(text)) {
    const [sender, identifier, sent, ...more] = word.split(',')
    if (!sender || !identifier || sent === undefined || more.length > 0)
      return `${shown(word)} is no reference sender,identifier,sent`
    const time = readTime(sent)
    if (typeof time === 'string') return time
    references.push({ sender, identifier, sentAtMs: time.value })
  }
  return references.length === 0 ? 'no reference' : { value: references }
}

/** Words parted by blanks; one with blanks in it stands in quotes. */
export function readList(text: string): Read<string[]> {
  const words: string[] = []
  for (const [word, quoted] of text.matchAll(/"([^"]*)"|[^\s"]+/g)) words.push(quoted ?? word)
  if ((text.match(/"/g)?.length ?? 0) % 2 !== 0) return 'a quote is not closed'
  return words.length === 0 ? 'the list is empty' : { value: words }
}

/** Identifiers and senders hold no blank, comma, < or & (§3.2.1): references could not name them. */
export function readIdentifier(text: string): Read<string> {
  return text !== '' && !/[\s,<&]/.test(text)
    ? { value: text }
    : `${shown(text)} is empty or holds a blank, comma, < or &`
}

/** One of CAP's code words. */
export function readCode<E extends CodeElement>(element: E, text: string): Read<(typeof codeWords)[E][number]> {
  const words: readonly (typeof codeWords)[E][number][] = codeWords[element]
  const word = words.find(known => known === text)
  return word === undefined ? `${shown(text)} is none of ${words.join(', ')}` : { value: word }
}

/** A URI or a reference to one (RFC 3986), by its characters. */
export function readUri(text: string): Read<string> {
  const wellWritten = /^(?:[A-Za-z0-9._~:/?#[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+$/.test(text) && !text.startsWith(':')
  return wellWritten ? { value: text } : `${shown(text)} is no URI`
}

function wordsOf(text: string): string[] {
  return text.split(/\s+/).filter(word => word !== '')
}

function shown(text: string): string {
  return `"${text.slice(0, 60)}"`
}
