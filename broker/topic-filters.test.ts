import fc from 'fast-check'
import { expect, test } from 'vitest'
import { filterMatches, filterTree, isFilter, isTopicName, patternCovers } from './topic-filters.ts'

test('filters are well formed or not', () => {
  for (const good of ['#', '+', '/', '//', 'a/#', '+/+', 'a/+/b', '/+', '$SYS/#'])
    expect(isFilter(good), good).toBe(true)
  for (const bad of ['', 'a#', '#a', '#/a', 'a/#/b', 'a+', '+a', 'a/+b', 'a/b+/c'])
    expect(isFilter(bad), bad).toBe(false)
  expect(isTopicName('a/b')).toBe(true)
  for (const bad of ['', 'a/+', '#']) expect(isTopicName(bad), bad).toBe(false)
})

// The examples of MQTT 3.1.1 §4.7.1 and §4.7.2.
test.each([
  ['sport/tennis/player1/#', 'sport/tennis/player1', true],
  ['sport/tennis/player1/#', 'sport/tennis/player1/ranking', true],
  ['sport/#', 'sport', true],
  ['sport/tennis/+', 'sport/tennis/player1/ranking', false],
  ['sport/+', 'sport', false],
  ['sport/+', 'sport/', true],
  ['+/+', '/finance', true],
  ['/+', '/finance', true],
  ['+', '/finance', false],
  ['#', '$SYS/monitor', false],
  ['+/monitor/Clients', '$SYS/monitor/Clients', false],
  ['$SYS/#', '$SYS/monitor', true],
  ['a/+/#', 'a//', true],
  ['+', '', true],
])('%s and %s', (filter, topic, matches) => {
  expect(filterMatches(filter, topic)).toBe(matches)
  const tree = filterTree<string>()
  tree.set(filter, 'key', 'value')
  expect(tree.match(topic)).toEqual(matches ? ['value'] : [])
})

const level = fc.constantFrom('', 'a', 'b', '$x')
const topics = fc.array(level, { minLength: 1, maxLength: 4 }).map(levels => levels.join('/'))
const filters = fc
  .tuple(fc.array(fc.constantFrom('', 'a', 'b', '$x', '+'), { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([levels, open]) => (open ? [...levels, '#'] : levels).join('/'))

test('the tree finds what trying each filter finds, also after some were taken out', () => {
  fc.assert(
    fc.property(fc.uniqueArray(filters, { maxLength: 12 }), fc.array(filters), topics, (all, gone, topic) => {
      const tree = filterTree<string>()
      for (const filter of all) tree.set(filter, 'key', filter)
      for (const filter of gone) tree.delete(filter, 'key')
      const left = all.filter(filter => !gone.includes(filter) && filterMatches(filter, topic))
      expect(tree.match(topic).toSorted()).toEqual(left.toSorted())
    }),
  )
})

test('a pattern that covers a filter matches whatever the filter matches', () => {
  let covered = 0
  fc.assert(
    fc.property(filters, filters, topics, (pattern, filter, topic) => {
      if (!patternCovers(pattern, filter) || !filterMatches(filter, topic)) return
      covered++
      expect(filterMatches(pattern, topic)).toBe(true)
    }),
    { numRuns: 5000 },
  )
  expect(covered).toBeGreaterThan(0)
  expect(patternCovers('zigbee2mqtt/#', 'zigbee2mqtt/#')).toBe(true)
  expect(patternCovers('spBv1.0/g/+/n/#', 'spBv1.0/g/NCMD/n/#')).toBe(true)
  expect(patternCovers('a/+', 'a/#')).toBe(false)
  expect(patternCovers('a/+', '#')).toBe(false)
})
