#!/usr/bin/env node
/**
 * `npm run check`: types, lint, format, then the house rules (tidy) and every quick test. What one runs before a
 * commit; says little when all is well. `npm test` runs the slow ones too.
 */
import { join } from 'node:path'
import { prepare } from './prepare.mjs'
import { runQuietly } from './run.mjs'

const { root, node } = await prepare({ withConsole: false, withDev: true })
const tool = (...path) => join(root, 'node_modules', ...path)

const steps = [
  { name: 'types', args: [tool('typescript', 'bin', 'tsc'), '-p', '.', '--pretty', 'false'] },
  { name: 'lint', args: [tool('oxlint', 'bin', 'oxlint'), '--type-aware', '--deny-warnings', '--format', 'unix'] },
  { name: 'format', args: [tool('@biomejs', 'biome', 'bin', 'biome'), 'check', '.'], mend: 'npm run format' },
  { name: 'tidy', args: [tool('vitest', 'vitest.mjs'), 'run', '--reporter=dot', 'tidy.test.ts'] },
  {
    name: 'tests',
    args: [tool('vitest', 'vitest.mjs'), 'run', '--reporter=dot', '--project=quick', '--exclude=tidy.test.ts'],
  },
]

const startMs = performance.now()
let failed = 0
for (const step of steps) if (!(await passes(step))) failed += 1
console.log(`${failed === 0 ? 'all well' : `${failed} of ${steps.length} failed`} in ${secondsSince(startMs)} s`)
process.exit(failed === 0 ? 0 : 1)

async function passes({ name, args, mend }) {
  const beganMs = performance.now()
  const { code, said } = await runQuietly(node, ['--disable-warning=ExperimentalWarning', ...args], { cwd: root })
  console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${secondsSince(beganMs)} s)`)
  if (code !== 0) console.log(`${said.trimEnd()}${mend ? `\nto mend: ${mend}` : ''}`)
  return code === 0
}

function secondsSince(beganMs) {
  return ((performance.now() - beganMs) / 1000).toFixed(1)
}
