import { expect, test } from 'vitest'
import { stormWarnings } from '../fixtures/warnings.ts'
import { inOrder, selectionOf, shownOrder } from './order.ts'

const nowMs = Date.UTC(2026, 6, 1, 6, 6)
const places = (warnings: readonly { placeId: string }[]) => warnings.map(warning => warning.placeId)

test('unacknowledged first, then level, then what crosses soonest', () => {
  expect(places(inOrder(stormWarnings(nowMs).toReversed()))).toEqual([
    'nanjing-shimen',
    'jiangning-418',
    'changde-r17',
    'gonghexin-zhongshan',
    'daning-660-3',
    'caojiadu',
  ])
})

test('a forecast that wobbles by seconds does not shuffle the list', () => {
  const [first] = stormWarnings(nowMs)
  if (first?.expectedAtMs === undefined) throw new Error('the fixture has a crossing')
  const base = Math.floor(first.expectedAtMs.p50 / 60_000) * 60_000
  const at = (id: string, p50: number) => ({ ...first, id, expectedAtMs: { p10: p50, p50, p90: p50 } })
  const ids = (a: number, b: number) => inOrder([at('a', base + a), at('b', base + b)]).map(({ id }) => id)
  expect(ids(10_000, 20_000)).toEqual(['a', 'b'])
  expect(ids(20_000, 10_000)).toEqual(['a', 'b'])
})

test('under the pointer nothing moves, and what is new is counted', () => {
  const held = shownOrder({ wanted: ['new', 'b', 'a'], shown: ['a', 'b'], held: true })
  expect(held).toEqual({ ids: ['a', 'b'], newIds: ['new'] })
  expect(shownOrder({ wanted: ['new', 'b', 'a'], shown: ['a', 'b'], held: false }).ids).toEqual(['new', 'b', 'a'])
})

test('the next key acts on what was chosen, else on the worst that nobody has answered', () => {
  const order = inOrder(stormWarnings(nowMs))
  const [worst, second] = order
  if (worst === undefined || second === undefined) throw new Error('the fixture has six')
  const none: ReadonlySet<string> = new Set()
  expect(selectionOf({ order, chosenId: undefined, answeredIds: none })).toBe(worst)
  expect(selectionOf({ order, chosenId: second.id, answeredIds: none })).toBe(second)
  expect(selectionOf({ order, chosenId: 'gone', answeredIds: new Set([worst.id]) })).toBe(second)
  expect(selectionOf({ order: [], chosenId: undefined, answeredIds: none })).toBeUndefined()
})
