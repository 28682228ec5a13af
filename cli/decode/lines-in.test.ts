import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { type Line, linesIn, longestLineBytes } from './lines-in.ts'

async function linesOf(chunks: readonly (string | Uint8Array)[]): Promise<Line[]> {
  const lines: Line[] = []
  for await (const some of linesIn(Readable.from(chunks, { objectMode: true }))) lines.push(...some)
  return lines
}

const texts = (lines: readonly Line[]) => lines.map(({ bytes }) => Buffer.from(bytes).toString())

test('lines are whole wherever the chunks were cut, and the last one needs no end', async () => {
  expect(texts(await linesOf(['one\ntw', 'o', '\n', 'three\nfo', 'ur']))).toEqual(['one', 'two', 'three', 'four'])
})

test('empty lines are left out, and the line ends of Windows with them', async () => {
  expect(texts(await linesOf(['a\r\n\r\n\n b \n\r\n']))).toEqual(['a', ' b '])
})

test('lines that came together are given together', async () => {
  const groups: number[] = []
  for await (const some of linesIn(Readable.from([Buffer.from('a\nb\nc'), Buffer.from('\nd\n')])))
    groups.push(some.length)
  expect(groups).toEqual([2, 2])
})

test('a line beyond all reason is cut and told apart, and the next one is whole', async () => {
  const piece = Buffer.alloc(longestLineBytes / 2 + 1, 'x')
  const [long, next] = await linesOf([piece, piece, Buffer.from('\nnext\n')])
  expect(long).toMatchObject({ cut: true })
  expect(long?.bytes.length).toBe(longestLineBytes)
  expect(next).toMatchObject({ cut: false, bytes: Buffer.from('next') })
})
