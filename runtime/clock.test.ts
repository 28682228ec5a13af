import { expect, test } from 'vitest'
import { drillClock, handClock } from './clock.ts'

test('a hand clock runs what falls due on the way, in order', () => {
  const clock = handClock(1000)
  const done: string[] = []
  clock.after(300, () => done.push(`b ${clock.nowMs()}`))
  clock.after(100, () => done.push(`a ${clock.nowMs()}`))
  clock.every(200, () => done.push(`tick ${clock.nowMs()}`))
  clock.advance(400)
  expect(done).toEqual(['a 1100', 'tick 1200', 'b 1300', 'tick 1400'])
  expect(clock.nowMs()).toBe(1400)
})

test('a cancelled timer does not run', () => {
  const clock = handClock(0)
  let runs = 0
  const cancel = clock.every(10, () => {
    runs += 1
    if (runs === 2) cancel()
  })
  clock.advance(100)
  expect(runs).toBe(2)
})

test('a drill clock stands still until released, and its timers wait with it', async () => {
  const clock = drillClock({ startMs: 5000, speed: 600 })
  const rang = new Promise<number>(resolve => clock.after(60_000, () => resolve(clock.nowMs())))
  expect(clock.nowMs()).toBe(5000)
  clock.release()
  expect(await rang).toBe(65_000)
  clock.hold()
})

test('a drill clock does not leap over the time in which its process did not run', async () => {
  const clock = drillClock({ startMs: 0, speed: 600 })
  clock.release()
  const endMs = performance.now() + 300
  while (performance.now() < endMs);
  const first = new Promise<number>(resolve => clock.after(1, () => resolve(clock.nowMs())))
  await first
  expect(clock.nowMs()).toBeLessThanOrEqual(2 * 25 * 600)
  clock.hold()
})

test('a drill clock refuses a speed that is none', () => {
  expect(() => drillClock({ startMs: 0, speed: 0 })).toThrow(RangeError)
})
