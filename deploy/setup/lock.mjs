#!/usr/bin/env node
/**
 * `npm run lock`: makes package-lock.json anew, in an empty folder. Made beside node_modules, npm would leave out the
 * builds for platforms other than this one, and the lock would fail everywhere else.
 */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { root } from './needs.mjs'
import { runHere } from './run.mjs'

const { workspaces } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const packages = ['package.json', '.npmrc', ...workspaces.map(room => join(room, 'package.json'))]
const folder = mkdtempSync(join(tmpdir(), 'forewarn-lock-'))
try {
  for (const file of packages) {
    mkdirSync(join(folder, dirname(file)), { recursive: true })
    copyFileSync(join(root, file), join(folder, file))
  }
  const args = ['install', '--package-lock-only', '--ignore-scripts', '--loglevel=error']
  const code = await runHere('npm', args, { cwd: folder })
  if (code === 0) copyFileSync(join(folder, 'package-lock.json'), join(root, 'package-lock.json'))
  process.exitCode = code
} finally {
  rmSync(folder, { recursive: true, force: true })
}
