import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { defaultLimits } from './limits.ts'

const root = join(import.meta.dirname, '..')
const security = readFileSync(join(root, 'docs', 'SECURITY.md'), 'utf8')

/** From one heading to the next. */
function section(heading: string): string {
  const after = security.split(`\n## ${heading}\n`)[1] ?? ''
  return after.split('\n## ')[0] ?? ''
}

const proofs = [...section('Proofs').matchAll(/^(\d+)\. `([^`]+)`: (.+)$/gm)].map(
  ([, number = '', file = '', title = '']) => ({
    number,
    file,
    title,
  }),
)
const rows = [...section('Controls').matchAll(/^\| (.+) \| (.+) \| ([\d, ]+) \|$/gm)]

const titlesIn = (file: string) =>
  [...readFileSync(join(root, file), 'utf8').matchAll(/^\s*test(?:\.\w+\([^)]*\))?\(\s*(['"`])(.+?)\1,/gms)].map(
    ([, , title]) => title,
  )

test('every control has a proof, and every proof belongs to a control', () => {
  expect(rows.length).toBeGreaterThan(20)
  const cited = new Set(rows.flatMap(([, , , numbers = '']) => numbers.split(', ')))
  expect([...cited].toSorted()).toEqual(proofs.map(({ number }) => number).toSorted())
})

test.each(rows.map(([, control, where = '']) => ({ control, where })))('the files of $control exist', ({ where }) => {
  const files = [...where.matchAll(/`([a-z-]+\/[\w./-]+\.ts)`/g)].map(([, file = '']) => file)
  for (const file of files) expect(readFileSync(join(root, file), 'utf8').length).toBeGreaterThan(0)
})

test.each(proofs)('proof $number is a test in $file', ({ file, title }) => {
  expect(titlesIn(file)).toContain(title)
})

test('the limits in the document are those of the broker', () => {
  const listed = [...section('Limits').matchAll(/^\| `(\w+)` \| (\d+) \|/gm)].map(([, name, value]) => [
    name,
    Number(value),
  ])
  expect(Object.fromEntries(listed)).toEqual(defaultLimits)
})
