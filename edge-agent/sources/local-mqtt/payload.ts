/** The value and the time in an MQTT payload, plain or JSON. */
import { timeReader } from '../csv-folder/row-time.ts'
import type { MqttSensor } from './profile.ts'

/** A sentence says what is wrong; `absent` that the payload does not speak of this sensor (state updates often do not). */
export type PayloadValue =
  | { readonly raw: number; readonly atMs: number | undefined }
  | 'absent'
  | { readonly fault: string }

export type PayloadReader = (payload: string) => PayloadValue

/** Reads payloads as the profile says of this sensor. */
export function payloadReader({ path, words, time }: MqttSensor): PayloadReader {
  const readTime = time === undefined ? undefined : timeReader(time)
  return payload => {
    const json = path === undefined && time === undefined ? payload : parseJson(payload)
    if (json === undefined) return { fault: 'the payload is no JSON' }
    const found = path === undefined ? json : valueAt(json, path)
    if (found === undefined) return 'absent'
    const raw = numberOf(found, words)
    if (raw === undefined) return { fault: `${JSON.stringify(found)} is no number` }
    const timeText = time === undefined ? undefined : valueAt(json, time.path)
    if (timeText === undefined || readTime === undefined) return { raw, atMs: undefined }
    const atMs = readTime(typeof timeText === 'string' ? timeText : JSON.stringify(timeText))
    return atMs === undefined ? { fault: `${JSON.stringify(timeText)} is no time` } : { raw, atMs }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The caller says so.
    return undefined
  }
}

function valueAt(json: unknown, path: string): unknown {
  let at = json
  for (const key of path.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined
    at = new Map<string, unknown>(Object.entries(at)).get(key)
  }
  return at ?? undefined
}

function numberOf(value: unknown, words: Readonly<Record<string, number>>): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined
  if (typeof value === 'boolean') return Number(value)
  if (typeof value !== 'string') return undefined
  const text = value.trim()
  if (Object.hasOwn(words, text)) return words[text]
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined
}

/** MQTT 3.1.1 §4.7: `+` is one level, `#` the rest; neither matches topics that begin with `$`. */
export function matchesFilter(filter: string, topic: string): boolean {
  const wanted = filter.split('/')
  const levels = topic.split('/')
  if (topic.startsWith('$') && /^[+#]/.test(filter)) return false
  for (const [at, level] of wanted.entries()) {
    if (level === '#') return true
    if (at >= levels.length || (level !== '+' && level !== levels[at])) return false
  }
  return wanted.length === levels.length
}
