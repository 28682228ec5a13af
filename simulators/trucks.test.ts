import type { District } from '@forewarn/contracts/district'
import { distanceM, type Position } from '@forewarn/contracts/geography'
import type { OrderMessage } from '@forewarn/contracts/order'
import { topicOf } from '@forewarn/contracts/topics'

import { expect, test } from 'vitest'
import { drillPace } from './drill-pace-fixture.ts'
import { makeDistrict } from './make-district.ts'
import { startTruckBroker, type TruckBroker } from './truck-broker-fixture.ts'
import { startTrucks } from './trucks.ts'

const { district } = makeDistrict({ seed: 1 })
const startMs = Date.UTC(2026, 6, 1)

function unitOf({ units }: District) {
  const [unit] = units
  if (unit === undefined) throw new Error('no unit')
  return unit
}

function order(action: OrderMessage['action'], destination: Position, via: Position): OrderMessage {
  const unit = unitOf(district)
  return {
    orderId: 'order-1',
    action,
    mode: 'exercise',
    unitId: unit.id,
    placeId: 'flat5p-04',
    destination,
    route: [[via.lon, via.lat]],
    issuedAtMs: startMs,
  }
}

function statesOf(broker: TruckBroker): string[] {
  return broker.progress.map(({ state }) => state).filter((state, index, all) => state !== all[index - 1])
}

test('a truck drives to its staging point, works once there is water, and goes home when stood down', async () => {
  const broker = await startTruckBroker()
  const clock = drillPace({ startMs, speed: 600 })
  const unit = unitOf(district)
  let wet = false
  const trucks = startTrucks({
    districtId: district.id,
    units: [unit],
    brokerUrl: broker.url,
    passwords: new Map([[unit.gateway, 'p']]),
    clock,
    isWet: place => wet && place === 'flat5p-04',
  })
  await broker.until(progress => progress.length > 0)
  expect(broker.progress[0]).toMatchObject({ unitId: unit.id, state: 'free', position: unit.base })
  const topic = topicOf({ district: district.id, gateway: unit.gateway, channel: 'orders' })
  const via: Position = { ...unit.base, lat: unit.base.lat + 0.01 }
  const goal: Position = { ...via, lon: via.lon + 0.01 }
  broker.publish(topic, { nonsense: true })
  broker.publish(topic, order('go', goal, via))
  broker.publish(topic, order('go', goal, via))
  await broker.until(progress => progress.at(-1)?.state === 'staged')
  const arrived = broker.progress.at(-1)
  expect(arrived).toMatchObject({ orderId: 'order-1', position: goal })
  // 2 km at 27 km/h, reported every minute of this drill.
  const tookMin = ((arrived?.atMs ?? 0) - (broker.progress[0]?.atMs ?? 0)) / 60_000
  expect(tookMin).toBeGreaterThan(4)
  const onTheWay = broker.progress.filter(({ state }) => state === 'moving').map(({ position }) => position)
  expect(onTheWay.some(position => distanceM(position, goal) > 200 && distanceM(position, unit.base) > 200)).toBe(true)
  wet = true
  await broker.until(progress => progress.at(-1)?.state === 'working')
  broker.publish(topic, order('stand-down', goal, via))
  await broker.until(progress => progress.at(-1)?.state === 'free')
  expect(broker.progress.at(-1)).toMatchObject({ position: unit.base })
  expect(broker.progress.at(-1)?.orderId).toBeUndefined()
  expect(statesOf(broker)).toEqual(['free', 'moving', 'staged', 'working', 'released', 'free'])
  await trucks.stop()
  await broker.stop()
})
