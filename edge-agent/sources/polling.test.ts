import { handClock } from '@forewarn/runtime/clock'
import { expect, test } from 'vitest'
import { startPolling } from './polling.ts'

/** Moves the clock in steps of a second, and lets answers come in between. */
async function pass(clock: { advance(ms: number): void }, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    clock.advance(1000)
    await new Promise(resolve => setImmediate(resolve))
  }
}

test('who does not answer is asked less and less often, and in step again once it does', async () => {
  const clock = handClock(0)
  const asked: number[] = []
  let dead = true
  const ask = async () => {
    asked.push(clock.nowMs() / 1000)
    return dead ? 'it is dead' : undefined
  }
  const polling = startPolling([{ name: 'a', everyMs: 10_000, sensors: ['s'], ask }], clock)
  await pass(clock, 1000)
  // A period (the answer came a second late), twice, four times … and then every five minutes.
  expect(asked.map((at, index) => Math.round(at - (asked[index - 1] ?? 0)))).toEqual([0, 11, 20, 40, 80, 160, 300, 300])
  expect(polling.troubles().get('a')).toBe('it is dead')
  dead = false
  await pass(clock, 330)
  expect(polling.troubles().size).toBe(0)
  const [before = 0, last = 0] = asked.slice(-2)
  expect(last - before).toBe(10)
  await polling.stop()
  await pass(clock, 100)
  expect(asked.at(-1)).toBe(last)
})

test('the house may want one sensor more often: its device is asked so, until it is as before', async () => {
  const clock = handClock(0)
  const asked: string[] = []
  const device = (name: string) => ({
    name,
    everyMs: 60_000,
    sensors: [`${name}-depth`],
    ask: async () => void asked.push(name),
  })
  const polling = startPolling([device('a'), device('b')], clock)
  await pass(clock, 60)
  asked.splice(0)
  polling.pace(new Map([['a-depth', 5000]]))
  await pass(clock, 60)
  expect(asked.filter(name => name === 'a').length).toBeGreaterThanOrEqual(11)
  expect(asked.filter(name => name === 'b')).toHaveLength(1)
  polling.pace(new Map())
  asked.splice(0)
  await pass(clock, 60)
  expect(asked.filter(name => name === 'a')).toHaveLength(1)
  await polling.stop()
})
