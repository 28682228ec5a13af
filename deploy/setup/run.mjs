/**
 * Running other programs: one that takes over the terminal, one whose output goes into the set-up log.
 */
import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'

/** Runs a program in our place: same terminal, signals passed on, and its exit code is ours. */
export function handOver(program, args, options = {}) {
  const child = spawn(program, args, { stdio: 'inherit', ...options })
  child.on('error', error => {
    console.error(`forewarn: ${program} could not be started: ${error.message}`)
    process.exit(2)
  })
  // Ctrl-C in a terminal reaches the child by itself; sending it again is harmless, since it stops once.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  if (process.env.npm_lifecycle_event !== undefined) endWithParent(child)
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)))
}

/**
 * npm passes a signal on to the shell between us, which dies of it and tells nobody. A parent that has gone means the
 * same as the signal.
 */
function endWithParent(child) {
  const parent = process.ppid
  const look = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(look)
    child.kill('SIGTERM')
  }, 250)
}

/** Runs a program to its end with its output appended to a file. Resolves with the exit code, 127 if it is missing. */
export function runIntoLog({ program, args, cwd, logFile, env = process.env, shell = false }) {
  const log = openSync(logFile, 'a')
  return new Promise(resolve => {
    const child = spawn(program, args, { cwd, env, shell, stdio: ['ignore', log, log] })
    const end = code => {
      closeSync(log)
      resolve(code)
    }
    child.on('error', () => end(127))
    child.on('exit', code => end(code ?? 1))
  })
}

/** Runs a program in the same terminal. Resolves with its exit code. */
export function runHere(program, args, { cwd, env = process.env } = {}) {
  return new Promise(resolve => {
    const child = spawn(program, args, { cwd, env, stdio: 'inherit' })
    child.on('error', error => {
      console.error(`${program} could not be started: ${error.message}`)
      resolve(127)
    })
    child.on('exit', code => resolve(code ?? 1))
  })
}

/** Runs a program quietly. Resolves with its exit code and all it said. */
export function runQuietly(program, args, { cwd, env = process.env } = {}) {
  return new Promise(resolve => {
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    child.stdout.on('data', chunk => (said += chunk))
    child.stderr.on('data', chunk => (said += chunk))
    child.on('error', error => resolve({ code: 127, said: error.message }))
    child.on('close', code => resolve({ code: code ?? 1, said }))
  })
}
