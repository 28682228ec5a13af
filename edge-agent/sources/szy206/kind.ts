/**
 * SZY 206-2016 as a source: a TCP port that water-resources stations connect to. The frame is certain; where a number
 * lies in its data, and how it is written, is not published for every kind of report, so the profile says it. No frame is
 * answered: the form of a confirmation is not known for certain.
 */

import type { SenmlReading } from '@forewarn/contracts/senml'
import { decimalOf, type Szy206Frame, szy206Record } from '@forewarn/protocols/szy206/frame'
import { openSzy206Stream } from '@forewarn/protocols/szy206/stream'
import { z } from 'zod'
import { startFrameServer } from '../frame-server.ts'
import { Listen, profileFields, sensorFields } from '../profile-fields.ts'
import { readingOrMissing } from '../said-missing.ts'
import { type Source, type SourceStatus, type Surroundings, sourceKind } from '../source.ts'

const StationSensor = z.strictObject({
  ...sensorFields,
  /** Kind of report: 1 rain, 2 level, 3 flow, 4 velocity, 5 gate, 6 power. */
  kind: z.number().int().min(0).max(15),
  /** Application function, in hex; C0 is a station's own report. */
  afn: z
    .string({ error: 'write the function in quotes: "C0"' })
    .regex(/^[0-9A-Fa-f]{2}$/, 'two hex digits: "C0"')
    .default('C0')
    .transform(text => text.toUpperCase()),
  /** First byte of the number in the data, from 0, and how many. */
  at: z.number().int().min(0).max(250),
  bytes: z.number().int().min(1).max(6),
  decimals: z.number().int().min(0).max(6).default(0),
})
type StationSensor = z.infer<typeof StationSensor>

const Station = z.strictObject({
  address: z
    .string({ error: 'write the address in quotes: "5303810D00"' })
    .regex(/^[0-9A-Fa-f]{10}$/, 'an address is ten hex digits: "5303810D00"')
    .transform(text => text.toUpperCase()),
  place: z.string().optional(),
  note: z.string().optional(),
  sensors: z.array(StationSensor).min(1),
})

const Szy206Profile = z.strictObject({
  source: z.literal('szy206'),
  ...profileFields,
  listen: Listen,
  stations: z.array(Station).min(1),
})
type Szy206Profile = z.infer<typeof Szy206Profile>

export const szy206Kind = sourceKind({
  kind: 'szy206',
  profile: Szy206Profile,
  sensors: ({ stations }) => stations.flatMap(({ sensors }) => sensors.map(({ sensor }) => sensor)),
  start: startSzy206,
})

async function startSzy206(profile: Szy206Profile, around: Surroundings): Promise<Source> {
  const { listen, gateway } = profile
  const sensorsOf = new Map(profile.stations.map(({ address, sensors }) => [address, sensors]))
  const counts = { frames: 0, refused: 0, notKept: 0 }
  const refuse = (reason: string, detail: string, original: Uint8Array) => {
    counts.refused++
    around.refuse({ reason, detail, original })
  }
  const take = async (frame: Szy206Frame, original: Uint8Array) => {
    const { address, afn, dir } = szy206Record(frame)
    const sensors = sensorsOf.get(address)
    if (dir === 'down') return refuse('wrong-direction', `a frame to ${address}`, original)
    if (sensors === undefined) return refuse('unknown-station', address, original)
    if (frame.packetsLeft !== undefined)
      return refuse('split-message', `${address}: messages in packets are not read`, original)
    counts.frames++
    const found = readingsOf(
      frame,
      sensors.filter(sensor => sensor.afn === afn && sensor.kind === frame.kind),
      around.clock.nowMs(),
    )
    for (const detail of found.outside) refuse('no-number', `${address}: ${detail}`, original)
    if (found.readings.length === 0) return
    await around.take(gateway, found.readings, { backlog: false }).catch(error => {
      counts.notKept++
      around.log.error('station-report-not-kept', { station: address, trouble: String(error) })
    })
  }
  const server = await startFrameServer({
    listen,
    around,
    openStream: openSzy206Stream,
    junk: (detail, bytes) => refuse('no-frame', detail, bytes),
    take,
  })
  return {
    kind: 'szy206',
    status: (): SourceStatus => ({
      state: counts.frames === 0 ? 'waiting' : 'running',
      listensAt: server.listensAt,
      counts: { connections: server.connections, ...counts },
    }),
    stop: () => server.stop(),
  }
}

/** At the time of arrival: where the station's own time stands is not certain. */
function readingsOf({ data }: Szy206Frame, sensors: readonly StationSensor[], nowMs: number) {
  const readings: SenmlReading[] = []
  const outside: string[] = []
  for (const sensor of sensors) {
    const bytes = data.subarray(sensor.at, sensor.at + sensor.bytes)
    const raw = bytes.length === sensor.bytes ? decimalOf(bytes, sensor.decimals) : undefined
    if (raw !== undefined) readings.push(readingOrMissing(sensor, raw, nowMs))
    else outside.push(`no number of ${sensor.bytes} bytes at ${sensor.at} for ${sensor.sensor}`)
  }
  return { readings, outside }
}
