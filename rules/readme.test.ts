import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { parseRule } from './language/parse-rule.ts'
import { runStories } from './stories.ts'

test('the example in the README is a rule, and its story comes true', () => {
  const readme = readFileSync(fileURLToPath(new URL('README.md', import.meta.url)), 'utf8')
  const parsing = parseRule(/```yaml\n([\s\S]*?)```/.exec(readme)?.[1] ?? '')
  if ('errors' in parsing) throw new Error(JSON.stringify(parsing.errors))
  expect(runStories(parsing.rule).map(({ passed, detail }) => ({ passed, detail }))).toEqual([
    { passed: true, detail: '' },
  ])
})
