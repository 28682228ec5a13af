import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { checkRuleFiles } from './check.ts'

const folder = fileURLToPath(new URL('catalogue/', import.meta.url))
const files = readdirSync(folder).filter(name => name.endsWith('.yaml'))

describe.each(checkRuleFiles(files.map(name => folder + name)))('$file', ({ errors, stories, rule }) => {
  test('says nothing wrong', () => {
    expect(errors).toEqual([])
    expect(rule?.version).toMatch(/^[0-9a-f]{8}$/)
  })
  test('its stories come true, and there is at least one', () => {
    expect(stories.filter(({ passed }) => !passed)).toEqual([])
    expect(stories.length).toBeGreaterThan(0)
  })
})
