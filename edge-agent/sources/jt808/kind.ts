/**
 * Vehicle terminals (JT/T 808) as a source: they connect here, and this source stands in for each vehicle's gateway.
 * Orders of the house become texts and tracking, positions become progress, catch-up stays history.
 */
import { type DeviceServer, startDeviceServer } from '../device-server.ts'
import { type Source, type Surroundings, sourceKind } from '../source.ts'
import { openMemories } from './memory.ts'
import { Jt808Profile } from './profile.ts'
import { bare, terminalHandler } from './terminal.ts'
import { Truck } from './truck.ts'

export const jt808Kind = sourceKind({
  kind: 'jt808',
  profile: Jt808Profile,
  sensors: ({ vehicles }) => vehicles.flatMap(({ sensors }) => sensors.map(({ sensor }) => sensor)),
  changes: ({ vehicles }) => vehicles.map(({ unit }) => `texts and tracking of ${unit}`),
  start: startJt808,
})

async function startJt808(profile: Jt808Profile, around: Surroundings): Promise<Source> {
  const counts: Record<string, number> = {}
  const count = (what: string) => void (counts[what] = (counts[what] ?? 0) + 1)
  const memories = openMemories(profile.stateFile)
  const trucks: Truck[] = []
  const stopAll = async () => {
    await Promise.all(trucks.map(truck => truck.stop()))
    await memories.close()
  }
  let server: DeviceServer
  try {
    for (const vehicle of profile.vehicles) trucks.push(new Truck({ vehicle, profile, around, memories, count }))
    const fleet = { trucks: new Map(trucks.map(truck => [bare(truck.vehicle.phone), truck])), memories, around, count }
    server = await startDeviceServer({
      listen: profile.listen,
      log: around.log,
      onLine: line => terminalHandler(line, fleet),
    })
  } catch (error) {
    await stopAll()
    throw error
  }
  return {
    kind: 'jt808',
    status() {
      const cut = trucks.filter(({ connected }) => !connected).map(({ vehicle }) => vehicle.gateway)
      const onLine = trucks.filter(({ isOnLine }) => isOnLine).length
      const trouble = cut.length > 0 ? { trouble: `no link to the house for ${cut.join(', ')}` } : {}
      const state = cut.length > 0 ? 'troubled' : onLine === 0 ? 'waiting' : 'running'
      const listensAt = `${profile.listen.host}:${server.port}`
      return { state, ...trouble, listensAt, counts: { ...counts, 'vehicles-on-line': onLine } }
    },
    async stop() {
      await server.stop()
      await stopAll()
    },
  }
}
