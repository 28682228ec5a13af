#!/usr/bin/env node
/**
 * `npm test`: sets the checkout up, brings the servers that tests run against, runs every test, and ends with one
 * line of counts. In CI (CI=true) a skipped test is a failure: there, nothing may be missing.
 */
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { prepare } from './prepare.mjs'
import { runHere } from './run.mjs'
import { bringServers } from './servers.mjs'

const inCi = Boolean(process.env.CI) && process.env.CI !== 'false'
const say = line => console.log(line)

const { root, node } = await prepare({ withConsole: true, withDev: true })
const trouble = await bringServers(say)
if (trouble !== undefined) {
  say(trouble)
  if (inCi) end({ passed: 0, failed: 1, skipped: 0 })
  say('tests that need them are skipped')
}

const reportFile = join(root, 'test-report.json')
rmSync(reportFile, { force: true })
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`]
const flags = ['--disable-warning=ExperimentalWarning', vitest, 'run', ...reporters, ...process.argv.slice(2)]
const code = await runHere(node, flags, { cwd: root })
end(countsOf(readReport()), code)

function readReport() {
  try {
    return JSON.parse(readFileSync(reportFile, 'utf8'))
  } catch {
    // No report means that the runner itself fell over: countsOf makes that a failure.
    return undefined
  }
}

function countsOf(report) {
  if (report === undefined) return { passed: 0, failed: 1, skipped: 0 }
  // A file that cannot even be loaded has no tests to count, and is a failure all the same.
  const broken = report.testResults.filter(file => file.status === 'failed' && file.assertionResults.length === 0)
  const skipped = report.testResults
    .flatMap(file => file.assertionResults)
    .filter(({ status }) => status !== 'passed' && status !== 'failed')
  for (const { fullName } of skipped) say(`skipped: ${fullName}`)
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + broken.length,
    skipped: skipped.length,
  }
}

function end({ passed, failed, skipped }, code = 1) {
  if (inCi && skipped > 0) say('in CI a skipped test counts as trouble')
  say(`${passed} passed, ${failed} failed, ${skipped} skipped`)
  process.exit(failed > 0 || (inCi && skipped > 0) ? 1 : code)
}
