import { isPhysical } from '@forewarn/contracts/quantity'
import { expect, test } from 'vitest'
import { makeDistrict } from './make-district.ts'
import { readScenario } from './scenario.ts'
import { sensorValues } from './sensor-values.ts'
import { tellStorms } from './storm-tale.ts'

const { district } = makeDistrict({ seed: 1 })
const startMs = Date.UTC(2026, 6, 1, 2)
const minuteMs = 60_000

async function speakersOf(scenario: string) {
  const { storms, troubles } = readScenario(scenario)
  const tale = await tellStorms(storms, { startMs })
  const valueOf = sensorValues({ district, tale, troubles, startMs })
  return (id: string) => {
    const sensor = district.sensors.find(sensor => sensor.id === id)
    if (sensor === undefined) throw new Error(`no sensor ${id}`)
    return valueOf(sensor)
  }
}

test('every sensor says what is physically possible, all day and in a storm', async () => {
  const speaker = await speakersOf('storm')
  for (const { id, quantity } of district.sensors) {
    const say = speaker(id)
    for (let hour = 0; hour < 24; hour += 1.7) {
      const value = say(startMs + hour * 60 * minuteMs)
      expect(isPhysical(quantity, value), `${id} ${value}`).toBe(true)
    }
  }
})

test('an ordinary day alarms nobody: dry roads, thin crowds, cool rooms, good lifts', async () => {
  const speaker = await speakersOf('calm')
  const limits: Partial<Record<string, number>> = {
    water_depth: 0.05,
    crowd_density: 3,
    smoke_obscuration: 1,
    lift_door_time: 5,
    parking_occupancy: 92,
    temperature: 57,
    rain: 0.001,
  }
  for (const { id, quantity } of district.sensors) {
    const limit = limits[quantity]
    if (limit === undefined) continue
    const say = speaker(id)
    for (let minute = 0; minute < 24 * 60; minute += 29) expect(say(startMs + minute * minuteMs)).toBeLessThan(limit)
  }
})

test('a stuck sensor repeats itself while the water rises, and only then', async () => {
  const say = (await speakersOf('sensor-stuck'))('flat5p-08.level')
  const sound = (await speakersOf('storm'))('flat5p-08.level')
  expect(say(startMs + 2 * minuteMs)).toBe(sound(startMs + 2 * minuteMs))
  expect(say(startMs + 30 * minuteMs)).toBe(say(startMs + 5 * minuteMs))
  expect(sound(startMs + 30 * minuteMs)).toBeGreaterThan(0.15)
})

test('a worn lift gets slower and rougher, and traps somebody only at the end', async () => {
  const speaker = await speakersOf('lift-wear')
  const at = (name: string, minute: number) => speaker(`lift-007.${name}`)(startMs + minute * minuteMs)
  expect(at('door', 0)).toBeLessThan(5)
  expect(at('door', 110)).toBeGreaterThan(8)
  expect(at('vibration', 110)).toBeGreaterThan(at('vibration', 10) + 3)
  expect([at('trapped', 119), at('trapped', 122)]).toEqual([0, 1])
})
