/**
 * What the checkout still needs before it can run: packages, Node 24, the built console. Looks, never changes
 * anything, and takes a few milliseconds when nothing is missing.
 */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
export const neededMajor = 24

const node24Dir = join(root, 'deploy', 'node24')
export const consoleStamp = join(root, 'console', 'dist', '.built-from')

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    // Missing or cut short: both mean that it has to be made again.
    return undefined
  }
}

/**
 * Whether what is installed in `dir` is what its lock file says. npm writes down what it installed last.
 * Packages for development may be absent unless `withDev`: an image for production leaves them out.
 */
export function packagesMatch(dir, { withDev = false } = {}) {
  const wanted = readJson(join(dir, 'package-lock.json'))?.packages
  const installed = readJson(join(dir, 'node_modules', '.package-lock.json'))?.packages
  if (!wanted || !installed) return false
  return Object.entries(wanted).every(([path, { version, link, optional, peer, dev }]) => {
    if (!path.startsWith('node_modules/') && !path.includes('/node_modules/')) return true
    const found = installed[path]
    // Optional packages are for other platforms or not, which only npm knows.
    if (found === undefined) return Boolean(optional || peer || (dev && !withDev))
    return Boolean(link) || found.version === version
  })
}

/** The Node 24 that runs the house: our own if it is new enough, else the one set up in deploy/node24. */
export function findNode() {
  if (Number(process.versions.node.split('.')[0]) >= neededMajor) return process.execPath
  const modules = join(node24Dir, 'node_modules')
  if (!existsSync(modules) || !packagesMatch(node24Dir)) return undefined
  return readdirSync(modules)
    .filter(name => name.startsWith('node-'))
    .map(name => join(modules, name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node'))
    .find(file => existsSync(file))
}

/** A fingerprint of everything the console is built from. */
export function consoleSources() {
  const hash = createHash('sha256')
  for (const folder of ['console', 'contracts']) hashFolder(join(root, folder), hash)
  hash.update(readFileSync(join(root, 'package-lock.json')))
  return hash.digest('hex')
}

function hashFolder(folder, hash) {
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const entry of entries) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) {
      if (!['dist', 'node_modules', 'screens'].includes(entry.name)) hashFolder(path, hash)
    } else if (!entry.name.endsWith('.test.ts')) hash.update(entry.name).update(readFileSync(path))
  }
}

function consoleIsBuilt() {
  return existsSync(consoleStamp) && readFileSync(consoleStamp, 'utf8') === consoleSources()
}

/** The steps still to do, in order; empty when the checkout is ready. */
export function missingSteps({ withConsole, withDev = false }) {
  const steps = []
  if (!packagesMatch(root, { withDev })) steps.push('packages')
  if (findNode() === undefined) steps.push('node24')
  if (withConsole && (steps.includes('packages') || !consoleIsBuilt())) steps.push('console')
  return steps
}
