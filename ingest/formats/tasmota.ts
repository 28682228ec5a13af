/**
 * Tasmota: `tele/{device}/SENSOR` and `…/STATE`, with `…/LWT` as a sign of life. Its time is local and names no zone:
 * it counts where it lies near the arrival, and else the arrival does.
 */
import { jsonOf } from '@forewarn/protocols/json-text'
import { parseTasmota } from '@forewarn/protocols/tasmota/message'
import type { Lives } from '../gateways/lives.ts'
import type { TakeValues } from './device-values.ts'
import { type Format, heard, refused } from './format.ts'

export interface TasmotaParts {
  readonly take: TakeValues
  readonly lives: Lives
  /** IANA name of the district's time zone. */
  readonly timeZone: string
}

/** Tasmota sends at once or never: a time further off is a clock, not a delay. */
const nearMs = 5 * 60_000

/** What Tasmota devices say of themselves and measure; their local times are of `timeZone`. */
export function tasmotaFormat({ take, lives, timeZone }: TasmotaParts): Format {
  return ({ gateway, topic, payload, receivedAtMs }, arrival) => {
    const said = jsonOf(payload) ?? Buffer.from(payload).toString()
    // An empty retained message clears what was retained.
    if (said === '') return heard
    const utcOffsetHours = utcOffsetHoursAt(receivedAtMs, timeZone)
    const message = parseTasmota({ topic, payload: said, utcOffsetHours })
    if (typeof message === 'string') return refused('bad-payload', message)
    const { device } = message
    if (message.kind === 'life') lives.note(gateway, `tasmota/${device}`, message.online)
    if (message.kind === 'life' || message.kind === 'other') return heard
    const { measuredAtMs, timeText, values } = message
    const isNear = measuredAtMs !== undefined && Math.abs(measuredAtMs - receivedAtMs) <= nearMs
    const time = isNear ? { timeMs: measuredAtMs } : { timeMs: undefined, isArrival: timeText !== undefined }
    return take(
      {
        values: Object.entries(values).map(([path, value]) => ({
          names: [`${device}.${path}`, `tasmota/${device}#${path}`],
          value,
          ...time,
        })),
      },
      arrival,
    )
  }
}

const formatters = new Map<string, Intl.DateTimeFormat>()

function utcOffsetHoursAt(atMs: number, timeZone: string): number {
  const known = formatters.get(timeZone) ?? new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' })
  formatters.set(timeZone, known)
  const name = known.formatToParts(atMs).find(({ type }) => type === 'timeZoneName')?.value ?? 'GMT'
  const [, sign, hours, minutes = '0'] = /([+-])(\d+):?(\d+)?/.exec(name) ?? []
  return sign === undefined ? 0 : Number(`${sign}1`) * (Number(hours) + Number(minutes) / 60)
}
