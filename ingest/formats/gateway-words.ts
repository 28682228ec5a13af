/**
 * What gateways say of themselves: `…/birth` and `…/status` (contracts/gateway-messages.ts).
 */
import { Birth, LocalAlarm, Status } from '@forewarn/contracts/gateway-messages'
import type { z } from 'zod'
import type { Births } from '../births.ts'
import type { Gateways } from '../gateways/gateways.ts'
import { type Format, heard, refused } from './format.ts'

export type OnStatus = (gateway: string, status: Status, atMs: number) => void

interface BirthParts {
  readonly births: Births
  readonly gateways: Gateways
  /** Told once the list is on disk. */
  readonly onBorn: (gateway: string) => void
}

/** Remembers the list of a birth; on disk before it is acknowledged. */
export function birthFormat({ births, gateways, onBorn }: BirthParts): Format {
  return ({ gateway, payload, receivedAtMs }) => {
    // MQTT 3.1.1 §3.3.1.3: an empty retained message clears what was retained.
    if (payload.length === 0) return heard
    const said = parsed(Birth, payload)
    if (typeof said === 'string') return refused('bad-message', `no birth: ${said}`)
    gateways.born(gateway, said, receivedAtMs)
    if (said.birth === undefined || said.sensors.length === 0) return heard
    const remembered = births.remember(gateway, { birth: said.birth, sensors: said.sensors })
    return { kind: 'heard', kept: remembered.then(() => onBorn(gateway)) }
  }
}

/** Online or offline, the clock's offset and the outbox's counters; also the plain words that scripts send as a will. */
export function statusFormat({ gateways, onStatus }: { gateways: Gateways; onStatus: OnStatus }): Format {
  return ({ gateway, payload, receivedAtMs }) => {
    if (payload.length === 0) return heard
    const plain = plainWords.get(textOf(payload).trim().toLowerCase())
    const said = plain === undefined ? parsed(Status, payload) : { state: plain }
    if (typeof said === 'string') return refused('bad-message', `no status: ${said}`)
    gateways.status(gateway, said, receivedAtMs)
    onStatus(gateway, said, receivedAtMs)
    return heard
  }
}

const plainWords: ReadonlyMap<string, Status['state']> = new Map([
  ['online', 'online'],
  ['offline', 'offline'],
])

export type KeepAlarm = (alarm: LocalAlarm, from: { gateway: string; receivedAtMs: number }) => Promise<void>

/** A local alarm; on disk before it is acknowledged. */
export function alarmFormat(keep: KeepAlarm): Format {
  return ({ gateway, payload, receivedAtMs }) => {
    const said = parsed(LocalAlarm, payload)
    if (typeof said === 'string') return refused('bad-message', `no alarm: ${said}`)
    return { kind: 'heard', kept: keep(said, { gateway, receivedAtMs }) }
  }
}

function parsed<T>(shape: z.ZodType<T>, payload: Uint8Array): T | string {
  let value: unknown
  try {
    value = JSON.parse(textOf(payload))
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  const said = shape.safeParse(value)
  if (said.success) return said.data
  const issue = said.error.issues[0]
  return `${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim()
}

function textOf(payload: Uint8Array): string {
  return Buffer.from(payload).toString('utf8')
}
