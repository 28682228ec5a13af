import { evaluate as celEvaluate } from '@marcbachmann/cel-js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { runStories } from '../stories.ts'
import { testDistrict } from '../test-district.ts'
import { parseDuration, withoutDurations } from './duration.ts'
import { compileExpression, isFault } from './expression.ts'
import { parseRule } from './parse-rule.ts'
import { windowOn } from './window.ts'

const [road] = testDistrict.places
if (road === undefined) throw new Error('the test district has places')

const good = `
rule: pond
title: { zh: 积水, en: Pond }
hazard: waterlogging
watch: water_depth
levels:
  orange: value >= place.limit.closed
  yellow: value >= 0.15
hold: 2 min
silent: 3 periods
`

function faults(text: string): string[] {
  const parsing = parseRule(text)
  return 'errors' in parsing ? parsing.errors.map(({ line, column, message }) => `${line}:${column} ${message}`) : []
}

describe('a rule file', () => {
  test('is read; spaces, titles and stories do not change its version, a limit does', () => {
    const versionOf = (text: string) => {
      const parsing = parseRule(text)
      return 'rule' in parsing ? parsing.rule.version : 'errors'
    }
    expect(versionOf(good)).toMatch(/^[0-9a-f]{8}$/)
    expect(versionOf(good.replace('value >= 0.15', 'value  >=   0.15').replace('Pond', 'A pond'))).toBe(versionOf(good))
    expect(versionOf(good.replace('0.15', '0.16'))).not.toBe(versionOf(good))
  })

  test.each([
    ['a mistyped key', good.replace('silent:', 'slient:'), '10:1 a rule knows no "slient"; did you mean "silent"?'],
    ['a mistyped quantity', good.replace('water_depth', 'water_dept'), /^5:8 watch: one of rain, water_depth/],
    [
      'a mistyped name',
      good.replace('value >= 0.15', 'valu >= 0.15'),
      '8:11 nothing is called "valu"; did you mean "value"?',
    ],
    [
      'a mistyped place',
      good.replace('place.limit', 'place.limits'),
      '7:20 a place has no "limits"; did you mean "limit"?',
    ],
    ['a time without unit', good.replace('2 min', '"2"'), /^9:7 "2" is no length of time/],
    ['levels mildest first', good.replace('yellow', 'red'), '6:1 levels are written worst first: red, orange'],
    ['text for a number', good.replace('0.15', '"deep"'), /^8:/],
    ['broken YAML', good.replace('{ zh: 积水', '{ zh: 积水 }, en'), /^\d+:\d+ /],
    ['no levels', good.replace(/levels:[\s\S]*0.15\n/, ''), /levels/],
  ])('%s is pointed at', (_, text, expected) => {
    expect(faults(text)[0]).toMatch(expected)
  })

  test('the excerpt has a caret under the fault, also behind a duration', () => {
    const parsing = parseRule(good.replace('value >= 0.15', 'avg(rain, 10 min) > 2 && valu > 1'))
    if (!('errors' in parsing)) throw new Error('it should not be read')
    expect(parsing.errors[0]?.excerpt.split('\n')).toEqual([
      '  yellow: avg(rain, 10 min) > 2 && valu > 1',
      '                                   ^',
    ])
  })

  test('nothing that a person may write makes it throw', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(good.length), (noise, at) => {
        parseRule(good.slice(0, at) + noise + good.slice(at))
      }),
      { numRuns: 300 },
    )
  })

  test('a story that does not come true says at which step, and what came', () => {
    const story = `stories: [{ name: wrong, every: 1 min, readings: { water_depth: [0.2 x4] }, expect: { 3: red } }]`
    const parsing = parseRule(good + story)
    const results = 'rule' in parsing ? runStories(parsing.rule) : []
    expect(results).toEqual([{ name: 'wrong', passed: false, detail: 'step 3: expected red, came yellow' }])
  })
})

describe('a condition', () => {
  test('compiled, it says the same as CEL', () => {
    const conditions = [
      'value >= 0.15 && value < 0.4',
      '!(value > 0.3) || value * 2.0 > 1.0',
      'place.kind == "low-road" ? value > 0.2 : false',
      'place.kind in ["underpass", "low-road"] && value - 0.1 >= 0.05',
      '-value < -0.2',
    ]
    fc.assert(
      fc.property(fc.constantFrom(...conditions), fc.double({ min: -1, max: 2, noNaN: true }), (source, value) => {
        const compiled = compileExpression(source)
        if (isFault(compiled)) throw new Error(compiled.message)
        expect(compiled.holds(windowOn(road, value))).toBe(celEvaluate(source, { value, place: { kind: road.kind } }))
      }),
    )
  })

  test('a limit the place does not have, and a value nobody knows, hold nowhere', () => {
    const compiled = compileExpression('value >= place.limit.nowhere')
    if (isFault(compiled)) throw new Error(compiled.message)
    expect(compiled.holds(windowOn(road, 99))).toBe(false)
    expect(compiled.limits).toEqual(['nowhere'])
  })

  test('durations become milliseconds, texts stay', () => {
    expect(withoutDurations('max(rain, 10 min) > 2 && place.id == "5 min"').text).toBe(
      'max(rain, 600000.0) > 2 && place.id == "5 min"',
    )
    expect([parseDuration('90 s'), parseDuration('1.5 h'), parseDuration('soon')]).toEqual([
      90_000,
      5_400_000,
      undefined,
    ])
  })
})
