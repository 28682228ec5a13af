import fc from 'fast-check'
import { expect, test } from 'vitest'
import { chooseUnits, type FreeUnit, type Need } from './dispatch.ts'
import { routesOn } from './routes.ts'
import { roadGraph, startMs } from './test-house.ts'

const at = (lon: number) => ({ lon, lat: 31.2305, crs: 'WGS-84' as const })
const findRoute = routesOn(roadGraph)
const minute = 60_000

function need(warningId: string, lon: number, changes: Partial<Need> = {}): Need {
  const due = { mustArriveByMs: startMs + 20 * minute, mayComeAtMs: startMs + 15 * minute }
  return {
    warningId,
    unitKind: 'pump-truck',
    level: 'orange',
    destination: at(lon),
    leaveAtMs: startMs,
    ...due,
    ...changes,
  }
}

function unit(id: string, lon: number): FreeUnit {
  return { id, kind: 'pump-truck', position: at(lon) }
}

function sent(needs: Need[], units: FreeUnit[]) {
  const { assignments, unmet } = chooseUnits(needs, units, findRoute)
  const pairs = assignments.map(({ need: { warningId }, unitId }) => `${unitId}→${warningId}`).sort()
  return { pairs, unmet: unmet.map(({ warningId }) => warningId) }
}

test('the road in the rain: length along the road, and 15 % longer than its speeds say', () => {
  const route = findRoute(at(121.45), at(121.47))
  expect(route.lengthM).toBeCloseTo(4 * 477, 0)
  expect(route.travelMs / 1000).toBeCloseTo(((4 * 477) / (30 / 3.6)) * 1.15, 0)
  expect(route.points.at(0)).toEqual([121.45, 31.2305])
  expect(route.points.at(-1)).toEqual([121.47, 31.2305])
})

test('a one-way road is not driven against', () => {
  const oneWay = { ...roadGraph, edges: roadGraph.edges.filter(({ from, to }) => from < to || to === 'n10') }
  const there = routesOn(oneWay)(at(121.45), at(121.455))
  const back = routesOn(oneWay)(at(121.455), at(121.45))
  expect(there.travelMs).toBeLessThan(back.travelMs)
  expect(back.points).toHaveLength(2)
})

test('the nearest free unit goes', () => {
  expect(sent([need('a', 121.46)], [unit('near', 121.465), unit('away', 121.49)]).pairs).toEqual(['near→a'])
})

test('two places share two units so that both are reached in time, not each its nearest', () => {
  // p1 is nearest to both; only it can be at `a` in time.
  const needs = [need('a', 121.45, { mustArriveByMs: startMs + 3 * minute }), need('b', 121.46)]
  expect(sent(needs, [unit('p1', 121.455), unit('p2', 121.48)]).pairs).toEqual(['p1→a', 'p2→b'])
})

test('when nobody can be in time the nearest goes all the same, and the margin is negative', () => {
  const { assignments } = chooseUnits(
    [need('a', 121.49, { mustArriveByMs: startMs + minute })],
    [unit('p1', 121.45)],
    findRoute,
  )
  expect(assignments[0]?.unitId).toBe('p1')
  expect(assignments[0]?.marginMin).toBeLessThan(0)
})

test('with fewer units than places the worst level is served first', () => {
  const result = sent(
    [need('yellow', 121.45, { level: 'yellow' }), need('red', 121.49, { level: 'red' })],
    [unit('p1', 121.45)],
  )
  expect(result).toEqual({ pairs: ['p1→red'], unmet: ['yellow'] })
})

test('a crew is not a truck', () => {
  const crew = { id: 'c1', kind: 'drainage-crew', position: at(121.45) }
  expect(sent([need('a', 121.45)], [crew])).toEqual({ pairs: [], unmet: ['a'] })
})

test('no unit is ever sent to two places, and nobody is left while a unit is free', () => {
  const lon = fc.double({ min: 121.44, max: 121.5, noNaN: true })
  fc.assert(
    fc.property(fc.array(lon, { maxLength: 12 }), fc.array(lon, { maxLength: 12 }), (places, trucks) => {
      const needs = places.map((where, i) => need(`w${i}`, where))
      const { assignments, unmet } = chooseUnits(
        needs,
        trucks.map((where, i) => unit(`p${i}`, where)),
        findRoute,
      )
      expect(new Set(assignments.map(({ unitId }) => unitId)).size).toBe(assignments.length)
      expect(assignments.length).toBe(Math.min(needs.length, trucks.length))
      expect(assignments.length + unmet.length).toBe(needs.length)
    }),
    { numRuns: 50 },
  )
})
