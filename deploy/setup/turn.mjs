/**
 * One set-up at a time: two starts of one checkout must not install into each other's folders. Whoever comes second
 * waits, and takes over if the first one died.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'

/** Waits for the turn and takes it. Returns what gives it back. `say` is told once if it has to wait. */
export async function takeTurn(file, say) {
  let told = false
  while (!(await take(file))) {
    const holder = holderOf(file)
    if (holder === undefined || !isAlive(holder)) {
      rmSync(file, { force: true })
      continue
    }
    if (!told) say(`another start is setting up (process ${holder}); waiting for it`)
    told = true
    await pause(300)
  }
  const giveBack = () => rmSync(file, { force: true })
  process.once('exit', giveBack)
  return () => {
    process.removeListener('exit', giveBack)
    giveBack()
  }
}

async function take(file) {
  if (!tryTake(file)) return false
  // Two that find the same dead holder may both clear it away: the file says who came last.
  await pause(50)
  return holderOf(file) === process.pid
}

function tryTake(file) {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  }
}

function holderOf(file) {
  try {
    return Number(readFileSync(file, 'utf8')) || undefined
  } catch {
    // Given back between our two looks.
    return undefined
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}
