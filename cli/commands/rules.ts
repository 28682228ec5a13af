/**
 * `forewarn rules check`: rule files as an editor or CI checks them: what is wrong and where, and whether the stories
 * in them come true. Ends with 0 when all is well, 1 when something is not.
 */
import type { RuleFileCheck } from '@forewarn/rules/check'
import { Command } from 'commander'
import { exitCodes } from '../exit-codes.ts'
import { say, sayJson } from '../terminal.ts'

export function rulesCommand(): Command {
  const check = new Command('check')
    .summary('check rule files and play their stories')
    .description('Checks rule files and plays the stories in them. Says file, line and column of what is wrong.')
    .argument('<files...>', 'rule files (YAML)')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  forewarn rules check rules/catalogue/heavy-rain.yaml')
    .action(checkFiles)
  return new Command('rules')
    .summary('work on rule files')
    .description('Works on rule files.')
    .addCommand(check)
    .addHelpText('after', '\nExample:\n  forewarn rules check my-rules/*.yaml')
}

async function checkFiles(files: string[], options: { json?: true }): Promise<void> {
  const { checkRuleFiles } = await import('@forewarn/rules/check')
  const checks = checkRuleFiles(files)
  const well = checks.every(isWell)
  if (options.json === true) sayJson({ well, files: checks.map(forPrograms) })
  else for (const check of checks) sayCheck(check)
  process.exitCode = well ? exitCodes.ok : exitCodes.trouble
}

const isWell = ({ errors, stories }: RuleFileCheck) => errors.length === 0 && stories.every(({ passed }) => passed)

function forPrograms({ file, errors, stories, rule }: RuleFileCheck) {
  return { file, rule: rule?.name ?? null, version: rule?.version ?? null, errors, stories }
}

function sayCheck(check: RuleFileCheck): void {
  const { file, errors, stories, rule } = check
  if (isWell(check)) {
    const told = stories.length === 1 ? '1 story comes true' : `${stories.length} stories come true`
    return say(`${file}: ok, ${rule?.name ?? ''}: ${told}`)
  }
  for (const { line, column, message, excerpt } of errors) {
    say(`${file}:${line}:${column}: ${message}`)
    if (excerpt !== '') say(indented(excerpt))
  }
  for (const { name, passed, detail } of stories)
    if (!passed) say(`${file}: story "${name}" does not come true: ${detail}`)
}

const indented = (text: string) => text.replace(/^/gm, '  ')
