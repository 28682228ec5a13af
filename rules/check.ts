/**
 * Checks rule files as an engineer's editor or CI does: what is wrong and where, and whether the stories come true.
 */
import { readFileSync } from 'node:fs'
import { parseRule, type RuleError } from './language/parse-rule.ts'
import type { Rule } from './language/rule.ts'
import { runStories, type StoryResult } from './stories.ts'

export interface RuleFileCheck {
  readonly file: string
  readonly errors: readonly RuleError[]
  readonly stories: readonly StoryResult[]
  /** Undefined when there are errors. */
  readonly rule: Rule | undefined
}

/** Checks each file. A file that cannot be read is an error on its line 1, not a throw. */
export function checkRuleFiles(paths: readonly string[]): RuleFileCheck[] {
  const checks = paths.map(checkFile)
  return checks.map((check, index) => {
    const twin = checks.findIndex(({ rule }) => rule !== undefined && rule.name === check.rule?.name)
    if (check.rule === undefined || twin === index) return check
    const message = `${checks[twin]?.file ?? ''} has a rule called "${check.rule.name}" too`
    return { ...check, errors: [{ line: 1, column: 1, message, excerpt: '' }] }
  })
}

function checkFile(file: string): RuleFileCheck {
  const text = readText(file)
  if (typeof text !== 'string') return { file, errors: [text], stories: [], rule: undefined }
  const parsing = parseRule(text)
  if ('errors' in parsing) return { file, errors: parsing.errors, stories: [], rule: undefined }
  return { file, errors: [], stories: runStories(parsing.rule), rule: parsing.rule }
}

function readText(file: string): string | RuleError {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const message = `cannot be read: ${error instanceof Error ? error.message : String(error)}`
    return { line: 1, column: 1, message, excerpt: '' }
  }
}
