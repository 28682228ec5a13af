import { District } from '@forewarn/contracts/district'
import { distanceM, MapLayers, RoadGraph } from '@forewarn/contracts/geography'
import { quantities } from '@forewarn/contracts/quantity'
import { expect, test } from 'vitest'
import { districtForRecording, makeDistrict } from './make-district.ts'
import { readRecording } from './recording.ts'

const made = makeDistrict({ seed: 1 })
const { district, roadGraph } = made
const floodPoints = district.places.filter(({ limits }) => limits['flooded'] !== undefined)

test('the same seed makes the same district, another seed another one', () => {
  expect(makeDistrict({ seed: 1 })).toEqual(made)
  expect(makeDistrict({ seed: 2 }).district).not.toEqual(district)
})

test('it is a valid district with unique ids, and every sensor’s gateway and place exist', () => {
  expect(District.parse(district)).toEqual(district)
  RoadGraph.parse(roadGraph)
  MapLayers.parse(made.mapLayers)
  for (const list of [district.gateways, district.sensors, district.places, district.units]) {
    expect(new Set(list.map(({ id }) => id)).size).toBe(list.length)
  }
  const gateways = new Map(district.gateways.map(gateway => [gateway.id, gateway.kind]))
  const places = new Set(district.places.map(({ id }) => id))
  expect(district.sensors.filter(({ gateway }) => gateways.get(gateway) !== 'field')).toEqual([])
  expect(district.sensors.filter(({ place }) => place !== undefined && !places.has(place))).toEqual([])
  expect(district.units.filter(({ gateway }) => gateways.get(gateway) !== 'vehicle')).toEqual([])
})

test('it has some 2,000 sensors of every quantity behind 40 field gateways, and 20 units', () => {
  expect(district.sensors.length).toBeGreaterThan(1900)
  expect(district.sensors.length).toBeLessThan(2200)
  expect(new Set(district.sensors.map(({ quantity }) => quantity))).toEqual(new Set(Object.keys(quantities)))
  expect(district.gateways.filter(({ kind }) => kind === 'field')).toHaveLength(40)
  expect(district.units).toHaveLength(20)
})

test('64 flood points stand on the road, with names of their own, limits, and a dry spot 80 to 200 m away', () => {
  expect(floodPoints).toHaveLength(64)
  expect(floodPoints.map(({ id }) => id)).toContain('lift9p-08')
  expect(new Set(floodPoints.map(({ name }) => name.zh)).size).toBe(64)
  for (const { position, limits, stagingPoints } of floodPoints) {
    expect(limits).toEqual({ flooded: 0.15, closed: 0.25, danger: 0.4 })
    expect(position.lon).toBeGreaterThan(121.46)
    expect(position.lon).toBeLessThan(121.49)
    expect(position.lat).toBeGreaterThan(31.21)
    expect(position.lat).toBeLessThan(31.25)
    expect(stagingPoints.length).toBeGreaterThan(0)
    for (const staging of stagingPoints) {
      const awayM = distanceM(staging.position, position)
      expect(awayM).toBeGreaterThanOrEqual(80)
      expect(awayM).toBeLessThanOrEqual(200)
    }
  }
})

test('every staging point can be driven to from every depot', () => {
  const nodeAt = new Map(roadGraph.nodes.map(({ id, lon, lat }) => [`${lon} ${lat}`, id]))
  const nodeOf = ({ lon, lat }: { lon: number; lat: number }) => nodeAt.get(`${lon} ${lat}`)
  const next = Map.groupBy(roadGraph.edges, ({ from }) => from)
  const goals = floodPoints.flatMap(({ stagingPoints }) => stagingPoints.map(({ position }) => nodeOf(position)))
  for (const { base } of district.units) {
    const reached = new Set([nodeOf(base)])
    for (const node of reached) for (const { to } of next.get(node ?? '') ?? []) reached.add(to)
    expect(goals.filter(goal => goal === undefined || !reached.has(goal))).toEqual([])
  }
})

test('a recording of known sites is played where those sites are, with its own gauges only', async () => {
  const { district: stage } = districtForRecording(await readRecording('flat5p-d-056'), { seed: 1 })
  expect(District.parse(stage)).toEqual(stage)
  expect(stage.places).toEqual(district.places.filter(({ id }) => id.startsWith('flat5p-')))
  expect(stage.sensors).toHaveLength(14)
  expect(stage.units).toHaveLength(20)
})

test('a recording of strangers gets places too', async () => {
  const { district: stage } = districtForRecording(await readRecording('nyc-d-058'), { seed: 1 })
  expect(District.parse(stage)).toEqual(stage)
  expect(stage.sensors).toMatchObject([{ id: 'BK-carroll-st-4th-av-0ery00.level', quantity: 'water_depth' }])
  expect(stage.places[0]?.stagingPoints).not.toEqual([])
})
