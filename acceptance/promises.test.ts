import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '..')
const promises = readFileSync(join(root, 'docs', 'PROMISES.md'), 'utf8')

/** The numbered list: which test, in which file. */
const proofs = [...promises.matchAll(/^(\d+)\. `([^`]+)`: (.+)$/gm)].map(([, number = '', file = '', title = '']) => ({
  number,
  file,
  title,
}))
/** Rows of the table: step, where, promise, its proofs, failure, its proofs. */
const rows = [...promises.matchAll(/^\| ([a-z]+) \|(.+)\|$/gm)]
  .map(([, step = '', rest = '']) => [step, ...rest.split('|').map(cell => cell.trim())])
  .filter(([step]) => step !== 'step')

const titlesIn = (file: string) =>
  [...readFileSync(join(root, file), 'utf8').matchAll(/^\s*test(?:\.\w+\([^)]*\))?\(\s*(['"`])(.+?)\1,/gms)].map(
    ([, , title]) => title,
  )

test('every step of a reading’s way has a proof of its promise and of its failure', () => {
  expect(rows.map(([step]) => step)).toEqual([
    'taken',
    'published',
    'admitted',
    'accepted',
    'stored',
    'evaluated',
    'warned',
    'dispatched',
    'acknowledged',
    'verified',
  ])
  const known = new Set(proofs.map(({ number }) => number))
  for (const [step, , , promise = '', , failure = ''] of rows)
    for (const number of [...promise.split(', '), ...failure.split(', ')]) expect(known, step).toContain(number)
})

test.each(proofs)('proof $number is a test in $file', ({ file, title }) => {
  expect(titlesIn(file)).toContain(title)
})
