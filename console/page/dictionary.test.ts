import { expect, test } from 'vitest'
import { en, zh } from './dictionary.ts'

const gapsOf = (sentence: string) => [...sentence.matchAll(/\{\w+\}/g)].map(([gap]) => gap).sort()

test('both languages have the same words with the same gaps', () => {
  expect(Object.keys(en)).toEqual(Object.keys(zh))
  const chinese: Record<string, string> = zh
  for (const [word, sentence] of Object.entries(en)) {
    expect({ word, gaps: gapsOf(sentence) }).toEqual({ word, gaps: gapsOf(chinese[word] ?? '') })
  }
})

test('no English sentence is left in Chinese', () => {
  for (const sentence of Object.values(en)) expect(sentence).not.toMatch(/[\u4e00-\u9fff]/)
})
