import { expect, test } from 'vitest'
import { drillPace } from './drill-pace-fixture.ts'
import { makeDistrict } from './make-district.ts'
import { pushToken, startPushServer } from './push-fixture.ts'
import { readRecording } from './recording.ts'
import { listScenarios, readScenario } from './scenario.ts'
import { startSimulatedDistrict } from './start.ts'
import { startTruckBroker } from './truck-broker-fixture.ts'

const made = makeDistrict({ seed: 1 })
const startMs = Date.UTC(2026, 6, 1, 2)
const minuteMs = 60_000

async function simulate(scenario: string, speed: number) {
  const [source, broker] = await Promise.all([startPushServer(), startTruckBroker()])
  const simulated = await startSimulatedDistrict({
    made,
    scenario,
    clock: drillPace({ startMs, speed }),
    pushUrl: source.url,
    pushToken,
    brokerUrl: broker.url,
    vehiclePasswords: new Map(),
    seed: 1,
  })
  const stop = async () => {
    await simulated.stop()
    await Promise.all([source.stop(), broker.stop()])
  }
  return { source, broker, stop }
}

test('in a storm every sensor and truck speaks, the rain is the recording’s, and roads flood', async () => {
  const { source, broker, stop } = await simulate('storm', 600)
  const ids = new Set(made.district.sensors.map(({ id }) => id))
  await source.until(readings => readings.some(({ timeMs }) => timeMs > startMs + 25 * minuteMs))
  await broker.until(progress => new Set(progress.map(({ unitId }) => unitId)).size === made.district.units.length)
  await stop()
  expect(new Set(source.readings.map(({ sensor }) => sensor))).toEqual(ids)
  const gauge = source.readings.filter(({ sensor }) => sensor === 'flat5p-g1.rain')
  const storm = await readRecording('flat5p-d-056')
  const fromMin = readScenario('storm').storms[0]?.fromMin ?? 0
  const untilMs = (gauge.at(-1)?.timeMs ?? 0) - startMs + storm.startMs + fromMin * minuteMs
  const fallen = storm.messages.filter(
    ({ sensorId, measuredAtMs }) => sensorId === 'flat5p-g1.rain' && measuredAtMs <= untilMs,
  )
  const sum = (values: readonly { value: number }[]) => values.reduce((total, { value }) => total + value, 0)
  // A gauge catches up to 5 % more or less; the last minute may have begun.
  expect(sum(gauge) / sum(fallen)).toBeGreaterThan(0.93)
  expect(sum(gauge) / sum(fallen)).toBeLessThan(1.15)
  const times = gauge.map(({ timeMs }) => timeMs)
  expect(times.slice(1).every((timeMs, index) => timeMs - (times[index] ?? 0) === minuteMs)).toBe(true)
  const flooded = source.readings.filter(({ sensor, value }) => sensor === 'flat5p-02.level' && value >= 0.15)
  expect(flooded[0]?.timeMs).toBeGreaterThan(startMs + (49 - fromMin) * minuteMs)
  expect(flooded[0]?.timeMs).toBeLessThan(startMs + (54 - fromMin) * minuteMs)
})

test('what was before the start is told as history, what is after it as live', async () => {
  const { source, stop } = await simulate('drizzle', 60)
  const isHistory = ({ sensor, backlog }: { sensor: string; backlog: boolean }) => backlog && sensor === 'steep-g2.rain'
  await source.until(readings => readings.some(({ backlog }) => !backlog) && readings.some(isHistory))
  await stop()
  const told = (backlog: boolean) => source.readings.filter(reading => reading.backlog === backlog)
  expect(told(true).filter(({ timeMs }) => timeMs > startMs)).toEqual([])
  expect(told(false).filter(({ timeMs }) => timeMs <= startMs)).toEqual([])
  expect(told(true).filter(({ sensor }) => sensor === 'steep-g2.rain')).toHaveLength(60)
})

test('a gateway that is cut off is silent, and tells afterwards what it held', async () => {
  const { source, stop } = await simulate('gateway-cut', 600)
  // The fast clock has run on a little by the time the scenario begins.
  const cut = { fromMs: startMs + 4 * minuteMs, toMs: startMs + 18 * minuteMs }
  const isCut = ({ timeMs, gateway }: { timeMs: number; gateway: string }) =>
    gateway === 'gw-flat5p-1' && timeMs >= cut.fromMs && timeMs < cut.toMs
  await source.until(readings => readings.some(isCut))
  const before = source.readings.length
  await stop()
  expect(source.readings.filter(isCut).every(({ backlog }) => backlog)).toBe(true)
  expect(
    source.readings.slice(0, before).some(({ gateway, timeMs }) => gateway !== 'gw-flat5p-1' && timeMs >= cut.fromMs),
  ).toBe(true)
  expect(new Set(source.readings.filter(isCut).map(({ sensor }) => sensor))).toContain('flat5p-01.level')
})

test('a sensor that the house wants more of speaks more often, and as before when nothing is wanted', async () => {
  const { source, stop } = await simulate('drizzle', 60)
  const sensor = 'flat5p-02.level'
  const said = () => source.readings.filter(one => one.sensor === sensor && !one.backlog).map(({ timeMs }) => timeMs)
  const gaps = () => said().flatMap((timeMs, index, all) => (index === 0 ? [] : [timeMs - (all[index - 1] ?? 0)]))
  source.samplingS = { [sensor]: 5 }
  await source.until(() => gaps().filter(gap => gap === 5000).length >= 5)
  source.samplingS = undefined
  await source.until(() => gaps().at(-1) === minuteMs)
  await stop()
  expect(new Set(gaps())).toEqual(new Set([5000, minuteMs]))
})

test('every shipped scenario can be read, and names only what the district has', async () => {
  expect(listScenarios()).toEqual(['calm', 'drizzle', 'gateway-cut', 'lift-wear', 'sensor-stuck', 'storm'])
  const { gateways, sensors, places } = made.district
  const known = new Set([...gateways, ...sensors, ...places].map(({ id }) => id))
  for (const name of listScenarios()) {
    const { storms, troubles } = readScenario(name)
    for (const { recording } of storms) expect((await readRecording(recording)).layout).toBe('clean')
    for (const trouble of troubles) {
      const id = 'gateway' in trouble ? trouble.gateway : 'sensor' in trouble ? trouble.sensor : trouble.place
      expect(known).toContain(id)
    }
  }
  expect(() => readScenario('tsunami')).toThrow(/no scenario tsunami; there are calm, drizzle/)
})
