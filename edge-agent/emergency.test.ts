import type { LocalAlarm } from '@forewarn/contracts/gateway-messages'
import { expect, test } from 'vitest'
import { EmergencyRule, type StandingAlarm, watchForEmergencies } from './emergency.ts'

const rule = EmergencyRule.parse({
  rule: 'deep-water',
  place: 'west',
  hazard: 'waterlogging',
  sensor: 'gauge-1',
  above: 0.25,
  holdS: 60,
  clear: 0.05,
  clearHoldS: 120,
  outputs: ['siren'],
})

/** Lines of `seconds value`, or `seconds up` and `seconds down` of the uplink; the lines told, as `seconds what`. */
function play(
  script: string,
  { rules = [rule], standing = [] }: { rules?: EmergencyRule[]; standing?: StandingAlarm[] } = {},
) {
  const told: string[] = []
  let nowMs = 0
  const tell =
    (what: string) =>
    ({ rule: name }: LocalAlarm) =>
      void told.push(`${nowMs / 1000} ${what} ${name}`)
  const watch = watchForEmergencies(
    { rules, standing, nowMs: 0 },
    { onRaised: tell('raised'), onCleared: tell('cleared') },
  )
  for (const line of script.trim().split('\n')) {
    const [seconds, word = '', quality] = line.trim().split(/\s+/)
    nowMs = Number(seconds) * 1000
    if (word === 'up' || word === 'down') watch.uplink({ up: word === 'up', atMs: nowMs })
    else if (quality === 'suspect')
      watch.watch([{ name: 'gauge-1', timeMs: nowMs, value: Number(word), quality: 'suspect' }], nowMs)
    else watch.watch([{ name: 'gauge-1', timeMs: nowMs, value: Number(word) }], nowMs)
  }
  return { told, standing: watch.standing() }
}

test.each([
  [
    'raises when the level has held and the uplink was away for long enough',
    '0 0.1\n70 0.3\n100 0.3\n130 0.3',
    ['130 raised deep-water'],
  ],
  ['raises nothing while the uplink stands', '0 up\n70 0.3\n130 0.3\n500 0.3', []],
  [
    'is armed again only after a minute without uplink',
    '0 up\n100 0.3\n200 down\n259 0.3\n260 0.3',
    ['260 raised deep-water'],
  ],
  [
    'begins to count anew when the level falls in between',
    '70 0.3\n100 0.2\n130 0.3\n189 0.3\n190 0.3',
    ['190 raised deep-water'],
  ],
  ['does not take silence for a level that holds', '70 0.3\n4000 0.2', []],
  ['switches nothing on a doubtful value', '70 0.3 suspect\n130 0.3 suspect\n190 0.3 suspect', []],
  [
    'clears with hysteresis, and by readings only',
    '70 0.3\n130 0.3\n140 0.1\n400 0.1\n500 0.05\n560 0.1\n600 0.04\n719 0.04\n720 0.04',
    ['130 raised deep-water', '720 cleared deep-water'],
  ],
  [
    'is followed to its end when the uplink is back, and does not rise again then',
    '70 0.3\n130 0.3\n140 up\n200 0\n320 0\n400 0.3\n500 0.3',
    ['130 raised deep-water', '320 cleared deep-water'],
  ],
])('an emergency rule %s', (_what, script, told) => {
  expect(play(script).told).toEqual(told)
})

test('an alarm that stood when the agent stopped is followed on, under the rule that raised it', () => {
  const { standing } = play('70 0.3\n130 0.3')
  expect(standing).toHaveLength(1)
  const other = { ...rule, above: 9, clear: 8 }
  expect(play('10 0.3\n20 0\n140 0', { rules: [other], standing }).told).toEqual(['140 cleared deep-water'])
})

test('a rule may be armed always, and may look downwards', () => {
  const low = EmergencyRule.parse({ ...rule, above: undefined, below: 1, clear: 2, holdS: 0, armed: 'always' })
  expect(play('0 up\n10 1.5\n20 0.9', { rules: [low] }).told).toEqual(['20 raised deep-water'])
})
