import { describe, expect, test } from 'vitest'
import { parseXml } from '../xml.ts'
import { parseAlert } from './alert.ts'
import { readCircle, readList, readPolygon, readReferences, readTime, readUri } from './elements.ts'

const info = `<info><category>Met</category><event>积水</event><urgency>Immediate</urgency>
  <severity>Severe</severity><certainty>Likely</certainty><onset>2026-07-20T23:30:00+08:00</onset>
  <area><areaDesc>彭浦 &amp; 大宁</areaDesc><polygon>31.2,121.4 31.3,121.4 31.3,121.5 31.2,121.4</polygon></area></info>`

function alert(fields: Readonly<Record<string, string | undefined>> = {}, body = info): string {
  const all: Record<string, string | undefined> = {
    identifier: 'fw-1',
    sender: 'forewarn@jingan',
    sent: '2026-07-20T23:05:00+08:00',
    status: 'Exercise',
    msgType: 'Alert',
    scope: 'Public',
    ...fields,
  }
  const written = Object.entries(all).map(([name, text]) => (text === undefined ? '' : `<${name}>${text}</${name}>`))
  return `<?xml version="1.0"?><!-- drill --><alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">${written.join('')}${body}</alert>`
}

describe('an alert', () => {
  test('is read with its places and times in UTC', () => {
    expect(parseAlert(alert())).toMatchObject({
      identifier: 'fw-1',
      status: 'Exercise',
      sentAtMs: Date.UTC(2026, 6, 20, 15, 5),
      infos: [
        {
          event: '积水',
          onsetAtMs: Date.UTC(2026, 6, 20, 15, 30),
          areas: [{ areaDesc: '彭浦 & 大宁', polygons: [{ length: 4 }] }],
        },
      ],
    })
  })

  test('may write its names with a prefix, and its texts as CDATA', () => {
    const xml = alert({ note: '<![CDATA[a < b]]>' })
      .replaceAll(/<(\/?)([a-z]\w*)/gi, '<$1cap:$2')
      .replace('xmlns=', 'xmlns:cap=')
    expect(parseAlert(xml)).toMatchObject({ identifier: 'fw-1', infos: [{ severity: 'Severe' }] })
  })

  test.each([
    ['no identifier', { identifier: undefined }, 'identifier: missing'],
    ['an identifier with a comma', { identifier: 'a,b' }, 'identifier'],
    ['a time in Z', { sent: '2026-07-20T15:05:00Z' }, 'sent'],
    ['a status of its own', { status: 'Real' }, 'status: "Real" is none of'],
    ['no restriction though restricted', { scope: 'Restricted' }, 'restriction: missing'],
    ['no addresses though private', { scope: 'Private' }, 'addresses: needed'],
    ['bad references', { references: 'a,b' }, 'references'],
  ])('with %s is refused', (_, fields, trouble) => {
    expect(parseAlert(alert(fields))).toContain(trouble)
  })

  test.each([
    ['without a category', info.replace('<category>Met</category>', ''), 'category: missing'],
    ['with an open polygon', info.replace('31.2,121.4</polygon>', '31.2,121.6</polygon>'), 'polygon'],
    ['with a severity in colours', info.replace('Severe', 'Orange'), 'severity'],
    ['of another edition', undefined, 'namespace'],
  ])('whose info is %s is refused', (_, body, trouble) => {
    const xml = body === undefined ? alert().replace(':1.2', ':1.1') : alert({}, body)
    expect(parseAlert(xml)).toContain(trouble)
  })
})

test.each([
  ['a document type', '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'],
  ['an entity of its own', '<a>&b;</a>'],
  ['an element without its end', '<a><b></a>'],
  ['two roots', '<a/><a/>'],
  ['an attribute twice', '<a b="1" b="2"/>'],
  ['nesting past all reason', '<a>'.repeat(10_000)],
  ['nothing', ''],
])('%s is no XML for us', (_, xml) => {
  expect(typeof parseXml(xml)).toBe('string')
})

test('references in a text are resolved', () => {
  expect(parseXml('<a b="&#38;">&lt;&#x4e2d;&amp;&apos;</a>')).toMatchObject({ text: "<中&'" })
})

test.each([
  ['2026-07-20T23:05:00+08:00', Date.UTC(2026, 6, 20, 15, 5)],
  ['2026-07-20T15:05:00-00:00', Date.UTC(2026, 6, 20, 15, 5)],
  ['2026-02-30T15:05:00+08:00', undefined],
  ['2026-07-20T15:05:00.5+08:00', undefined],
  ['2026-07-20T15:05:00+0800', undefined],
])('the time %s is read by the rule', (text, atMs) => {
  const read = readTime(text)
  expect(typeof read === 'string' ? undefined : read.value).toBe(atMs)
})

test.each([
  ['32.9525,-115.5527 1.5', true],
  ['32.9525,-115.5527 0 0', false],
  ['92.9525,-115.5527 0', false],
  ['32.9525,-185.5527 0', false],
  ['32.9525,-115.5527 -1', false],
  ['', false],
])('the circle %s is right: %s', (text, right) => {
  expect(typeof readCircle(text) !== 'string').toBe(right)
})

test('lists, polygons, references and addresses are read to the end', () => {
  expect(readList('"a b" c ""')).toEqual({ value: ['a b', 'c', ''] })
  expect(readList('"a b')).toContain('not closed')
  expect(readList(' ')).toContain('empty')
  expect(readPolygon('38,-120 38.5,-119 38.6,-119 38,-120.0')).toMatchObject({ value: { length: 4 } })
  expect(readPolygon('')).toContain('at least four')
  expect(readReferences('a@b,1,2016-01-01T10:43:00-08:00 a@b,2,2016-01-01T10:43:00-08:00')).toMatchObject({
    value: [{ identifier: '1' }, { identifier: '2' }],
  })
  expect(readReferences('')).toContain('no reference')
  expect(readUri('http://example.com/a?b=%20')).toEqual({ value: 'http://example.com/a?b=%20' })
  expect(readUri('http://example.com/%zz')).toContain('no URI')
})
