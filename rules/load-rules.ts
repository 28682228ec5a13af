/** Reads a folder of rule files. One that cannot be used is told of and left out: the others must go on. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { checkRuleFiles, type RuleFileCheck } from './check.ts'
import type { Rule } from './language/rule.ts'

export interface LoadedRules {
  readonly rules: readonly Rule[]
  /** Files with errors, and files whose stories do not come true. */
  readonly unusable: readonly RuleFileCheck[]
}

/** Throws when the folder itself cannot be read. A rule whose own stories fail is not run. */
export function loadRules(dir: string): LoadedRules {
  const files = readdirSync(dir)
    .filter(name => name.endsWith('.yaml') || name.endsWith('.yml'))
    .sort()
  const checks = checkRuleFiles(files.map(name => join(dir, name)))
  const isUsable = ({ errors, stories }: RuleFileCheck) => errors.length === 0 && stories.every(({ passed }) => passed)
  return {
    rules: checks.filter(isUsable).flatMap(({ rule }) => (rule === undefined ? [] : [rule])),
    unusable: checks.filter(check => !isUsable(check)),
  }
}
