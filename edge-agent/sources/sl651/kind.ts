/**
 * SL 651-2014 as a source: a TCP port that hydrological stations connect to. What is right and kept is confirmed; what
 * is not gets no reply at all, as the standard wants it.
 */
import type { Sl651Frame } from '@forewarn/protocols/sl651/frame'
import { openSl651Stream } from '@forewarn/protocols/sl651/stream'
import { type DeviceLine, type LineHandler, startDeviceServer } from '../device-server.ts'
import { FrameLine } from '../frame-line.ts'
import { type Source, type SourceStatus, type Surroundings, sourceKind } from '../source.ts'
import { Sl651Profile } from './profile.ts'
import { Station, type StationCount } from './station.ts'

export const sl651Kind = sourceKind({
  kind: 'sl651',
  profile: Sl651Profile,
  sensors: ({ stations }) => stations.flatMap(({ sensors }) => sensors.map(({ sensor }) => sensor)),
  changes: ({ stations }) =>
    stations.flatMap(({ station, allow }) => allow.map(func => `function ${func} of station ${station}`)),
  start: startSl651,
})

type SourceCount = StationCount | 'refused' | 'strayBytes'

async function startSl651(profile: Sl651Profile, around: Surroundings): Promise<Source> {
  const counts = new Map<SourceCount, number>()
  const count = (what: SourceCount) => void counts.set(what, (counts.get(what) ?? 0) + 1)
  const surroundings: Surroundings = {
    ...around,
    refuse(refusal) {
      count('refused')
      around.refuse(refusal)
    },
  }
  const { gateway, listen, center } = profile
  const stations = new Map(
    profile.stations.map(station => [
      station.station,
      { profile: station, station: new Station({ gateway, profile: station, around: surroundings, count }) },
    ]),
  )
  const find = (frame: Sl651Frame): Station | string => {
    if (frame.direction === 'down') return 'wrong-direction'
    const known = stations.get(frame.station)
    if (known === undefined) return 'unknown-station'
    if (center !== undefined && frame.center !== center) return 'wrong-centre'
    const { password } = known.profile
    return password === undefined || password === frame.password ? known.station : 'wrong-key'
  }
  const server = await startDeviceServer({
    listen,
    log: around.log,
    onLine: line => openStationLine({ line, find, count, around: surroundings }),
  }).catch(error => {
    for (const { station } of stations.values()) station.stop()
    throw error
  })
  return {
    kind: 'sl651',
    status: (): SourceStatus => ({
      state: counts.has('frames') ? 'running' : 'waiting',
      listensAt: server.listensAt,
      counts: { connections: server.connections, ...Object.fromEntries(counts) },
    }),
    pace: periodMsBySensor => {
      for (const { station } of stations.values()) station.pace(periodMsBySensor)
    },
    stop: async () => {
      for (const { station } of stations.values()) station.stop()
      await server.stop()
    },
  }
}

interface LineOptions {
  readonly line: DeviceLine
  /** Whose frame it is, or why it is nobody's. */
  readonly find: (frame: Sl651Frame) => Station | string
  readonly count: (what: 'strayBytes') => void
  readonly around: Surroundings
}

function openStationLine({ line, find, count, around }: LineOptions): LineHandler {
  /** Stations that spoke on this line: a relay speaks for several. */
  const stations = new Set<Station>()
  return new FrameLine({
    line,
    stream: openSl651Stream(),
    clock: around.clock,
    junk: (detail, original) => {
      // Some stations send a 7E too many behind every checksum: nothing that a person should look at.
      if (original.every(byte => byte === 0x7e)) count('strayBytes')
      else around.refuse({ reason: 'no-frame', detail, original })
    },
    take: async (frame, original) => {
      const station = find(frame)
      if (typeof station === 'string') {
        const detail = `function ${frame.func} of ${frame.station}, ${line.peer}`
        return around.refuse({ reason: station, detail, original })
      }
      stations.add(station)
      await station.take(frame, original, line)
    },
    closed: () => {
      for (const station of stations) station.lost(line)
    },
  })
}
