/**
 * Sets the checkout up: installs the packages, brings Node 24, builds the console; each only when it is missing or
 * out of date. Says in one line what it does and how long it took. When a step fails it says why and ends with 2.
 */
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { consoleSources, consoleStamp, findNode, missingSteps, neededMajor, root } from './needs.mjs'
import { runIntoLog } from './run.mjs'
import { takeTurn } from './turn.mjs'

const logFile = join(root, 'setup.log')
const say = line => console.error(`forewarn: ${line}`)

/** Whether these arguments start a house with a console. */
export function needsConsole(args) {
  const command = args.find(arg => !arg.startsWith('-'))
  return (command === 'start' || command === 'play') && !args.includes('--help') && !args.includes('-h')
}

/** Makes the checkout ready. Resolves with its root and the Node to use; ends the process when it cannot. */
export async function prepare({ withConsole, withDev = false }) {
  try {
    if (missingSteps({ withConsole, withDev }).length > 0) await catchUp({ withConsole, withDev })
    return { root, node: findNode() }
  } catch (error) {
    say(error.message)
    process.exit(2)
  }
}

async function catchUp({ withConsole, withDev }) {
  let giveBack
  try {
    giveBack = await takeTurn(join(root, '.setup.lock'), say)
  } catch (error) {
    throw new Error(`the folder ${root} needs setting up and cannot be written (${error.code})`, { cause: error })
  }
  try {
    // Looked at again: the one we waited for may have done it all.
    const steps = missingSteps({ withConsole, withDev })
    if (steps.length > 0) rmSync(logFile, { force: true })
    for (const step of steps) await timed(step)
  } finally {
    giveBack()
  }
}

const deeds = {
  packages: { doing: 'installing packages', run: () => npmInstall(root) },
  node24: { doing: `bringing Node ${neededMajor} (this is ${process.versions.node})`, run: bringNode },
  console: { doing: 'building the console', run: buildConsole },
}

async function timed(step) {
  const { doing, run } = deeds[step]
  process.stderr.write(`forewarn: ${doing} …`)
  const startMs = performance.now()
  try {
    await run()
  } catch (error) {
    process.stderr.write(' failed\n')
    throw error
  }
  process.stderr.write(` done in ${((performance.now() - startMs) / 1000).toFixed(1)} s\n`)
}

async function npmInstall(dir) {
  // Under `npm start` the very npm that runs us is named here; otherwise the one in PATH.
  const own = process.env.npm_execpath
  const viaNode = own !== undefined && /npm-cli\.c?js$/.test(own)
  const flags = ['ci', '--loglevel=error', '--no-progress', '--no-fund', '--no-audit', '--workspaces=false']
  const args = dir === root ? flags.filter(flag => flag !== '--workspaces=false') : flags
  const code = await runIntoLog({
    program: viaNode ? process.execPath : 'npm',
    args: viaNode ? [own, ...args] : args,
    cwd: dir,
    logFile,
    env: npmEnvironment(),
    shell: !viaNode && process.platform === 'win32',
  })
  if (code === 127) throw new Error('npm was not found; it comes with Node (https://nodejs.org)')
  if (code !== 0) throw new Error(reasonInLog('packages could not be installed'))
}

/** Our environment without what an outer npm says about its own run: its prefix and omitted parts are not ours. */
function npmEnvironment() {
  const own = /^npm_(package_|lifecycle_|config_(local_prefix|prefix$|omit|include|production|workspace))/
  const entries = Object.entries(process.env).filter(([name]) => !own.test(name) && name !== 'NODE_ENV')
  return Object.fromEntries(entries)
}

async function bringNode() {
  await npmInstall(join(root, 'deploy', 'node24'))
  if (findNode() === undefined)
    throw new Error(
      `there is no ready-made Node ${neededMajor} for ${process.platform} ${process.arch}: install Node ${neededMajor} yourself (https://nodejs.org)`,
    )
}

async function buildConsole() {
  const sources = consoleSources()
  const program = findNode()
  const args = ['--disable-warning=ExperimentalWarning', join(root, 'deploy', 'setup', 'build-console.ts')]
  const code = await runIntoLog({ program, args, cwd: root, logFile })
  if (code !== 0) throw new Error(reasonInLog('the console could not be built'))
  writeFileSync(consoleStamp, sources)
}

const knownReasons = [
  [/ENOSPC/, 'the disk is full'],
  [/EACCES|EPERM|EROFS/, `the folder ${root} cannot be written`],
  [
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ENOTCACHED|E5\d\d|ERR_SOCKET_TIMEOUT/,
    'the package registry could not be reached; check the network or the proxy, then start again',
  ],
  [/E401|E403/, 'the package registry refused the request'],
  [/EINTEGRITY/, 'a package did not arrive as it was published'],
]

function reasonInLog(what) {
  const log = statSync(logFile, { throwIfNoEntry: false }) ? readFileSync(logFile, 'utf8') : ''
  const reason = knownReasons.find(([pattern]) => pattern.test(log))?.[1]
  return `${what}${reason ? `: ${reason}` : ''} (log: ${logFile})`
}
