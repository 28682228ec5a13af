/**
 * SL 651-2014 as a source: a TCP port that hydrological stations connect to. What is right and kept is confirmed; what
 * is not gets no reply at all, as the standard wants it.
 */
import type { StreamItem } from '@forewarn/protocols/frame-stream'
import type { Sl651Frame } from '@forewarn/protocols/sl651/frame'
import { openSl651Stream } from '@forewarn/protocols/sl651/stream'
import { type DeviceLine, type LineHandler, startDeviceServer } from '../device-server.ts'
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

/** Half a frame for so long (wall time) is noise. */
const halfFrameAtMostMs = 10_000

async function startSl651(profile: Sl651Profile, around: Surroundings): Promise<Source> {
  const counts = new Map<StationCount | 'refused', number>()
  const count = (what: StationCount | 'refused') => void counts.set(what, (counts.get(what) ?? 0) + 1)
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
    onLine: line => new StationLine({ line, find, around: surroundings }),
  }).catch(error => {
    for (const { station } of stations.values()) station.stop()
    throw new Error(`listen on ${listen.host}:${listen.port}`, { cause: error })
  })
  return {
    kind: 'sl651',
    status: (): SourceStatus => ({
      state: counts.has('frames') ? 'running' : 'waiting',
      listensAt: server.listensAt,
      counts: { connections: server.connections, ...Object.fromEntries(counts) },
    }),
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
  readonly around: Surroundings
}

class StationLine implements LineHandler {
  #options: LineOptions
  #stream = openSl651Stream()
  /** Stations that spoke on this line: a relay speaks for several. */
  #stations = new Set<Station>()
  #cancelGiveUp = () => {}
  #turn: Promise<void> = Promise.resolve()

  constructor(options: LineOptions) {
    this.#options = options
  }

  take(piece: Uint8Array): Promise<void> {
    this.#cancelGiveUp()
    const { clock } = this.#options.around
    const items = this.#stream.push(piece)
    if (this.#stream.waitingBytes > 0) {
      this.#cancelGiveUp = clock.after(halfFrameAtMostMs * clock.speed, () => void this.#handle(this.#stream.giveUp()))
    }
    return this.#handle(items)
  }

  /** In the order of arrival, also what a timer brings up. */
  #handle(items: readonly StreamItem<Sl651Frame>[]): Promise<void> {
    this.#turn = this.#turn.then(() => this.#each(items))
    return this.#turn
  }

  async #each(items: readonly StreamItem<Sl651Frame>[]): Promise<void> {
    const { around, find, line } = this.#options
    for (const item of items) {
      if (item.kind === 'junk') {
        around.refuse({ reason: 'no-frame', detail: item.detail, original: item.bytes })
        continue
      }
      const station = find(item.frame)
      if (typeof station === 'string') {
        const { station: address, func } = item.frame
        around.refuse({ reason: station, detail: `function ${func} of ${address}, ${line.peer}`, original: item.bytes })
        continue
      }
      this.#stations.add(station)
      await station.take(item.frame, item.bytes, line)
    }
  }

  async closed(): Promise<void> {
    this.#cancelGiveUp()
    await this.#handle(this.#stream.giveUp('the connection was closed within a frame'))
    for (const station of this.#stations) station.lost(this.#options.line)
  }
}
