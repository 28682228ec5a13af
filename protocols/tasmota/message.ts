/**
 * Messages of Tasmota: `tele/{device}/SENSOR`, `…/STATE`, `…/LWT` and their like. One message holds what several
 * sensors of a device say; its time has no zone, and what else a device says on `stat` and `cmnd` is no telemetry.
 */
import { flatten, type Scalar } from '../flatten.ts'

export type TasmotaMessage =
  | {
      readonly kind: 'sensor' | 'state'
      readonly device: string
      /** By path, as `DS18B20.Temperature`, without the time. */
      readonly values: Readonly<Record<string, Scalar>>
      /** UTC ms; undefined when the device said no time that can be believed. */
      readonly measuredAtMs: number | undefined
      /** As the device wrote it. */
      readonly timeText: string | undefined
    }
  | { readonly kind: 'life'; readonly device: string; readonly online: boolean }
  | { readonly kind: 'other'; readonly device: string; readonly channel: string }

export interface TasmotaInput {
  readonly topic: string
  /** The JSON of the payload, or its text where that is no JSON (LWT). */
  readonly payload: unknown
  /** Of the device's clock, hours ahead of UTC; Tasmota keeps local time and does not say which. */
  readonly utcOffsetHours: number
  readonly receivedAtMs?: number | undefined
}

/** Reads a message. Returns a sentence when it is none of Tasmota's. */
export function parseTasmota({ topic, payload, utcOffsetHours, receivedAtMs }: TasmotaInput): TasmotaMessage | string {
  const parts = partsOf(topic)
  if (parts === undefined) return `${topic} is no Tasmota topic (tele/{device}/SENSOR)`
  const { device, channel } = parts
  if (channel === 'LWT') return lifeOf(device, payload)
  if (channel !== 'SENSOR' && channel !== 'STATE') return { kind: 'other', device, channel }
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) return `${channel} is a JSON object`
  const { Time: time, ...values } = flatten(payload)
  const timeText = typeof time === 'string' ? time : undefined
  return {
    kind: channel === 'SENSOR' ? 'sensor' : 'state',
    device,
    values,
    measuredAtMs: measuredAtMs(timeText, utcOffsetHours, receivedAtMs),
    timeText,
  }
}

/** `tele/{device}/{channel}`, or `{device}/tele/{channel}`: the order is a setting of the device. */
function partsOf(topic: string): { device: string; channel: string } | undefined {
  const levels = topic.split('/')
  const at = levels.indexOf('tele')
  const channel = levels.at(-1)
  if (at < 0 || channel === undefined || levels.length < 3 || at === levels.length - 1) return undefined
  const device = levels.filter((_, index) => index !== at && index !== levels.length - 1).join('/')
  return device === '' || channel === '' ? undefined : { device, channel }
}

function lifeOf(device: string, payload: unknown): TasmotaMessage | string {
  if (payload === 'Online') return { kind: 'life', device, online: true }
  if (payload === 'Offline') return { kind: 'life', device, online: false }
  return 'LWT is Online or Offline'
}

const local = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?)(Z|[+-]\d{2}:?\d{2})?$/
/** A clock that was never set starts in 1970. */
const earliestMs = Date.UTC(2020, 0, 1)

function measuredAtMs(
  time: string | undefined,
  utcOffsetHours: number,
  receivedAtMs: number | undefined,
): number | undefined {
  const [, wall, zone] = local.exec(time ?? '') ?? []
  if (wall === undefined) return receivedAtMs
  const atMs = zone === undefined ? Date.parse(`${wall}Z`) - utcOffsetHours * 3_600_000 : Date.parse(wall + zone)
  return Number.isNaN(atMs) || atMs < earliestMs ? receivedAtMs : atMs
}
