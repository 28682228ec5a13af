/**
 * What the machine must offer before a house can stand on it: Node, a folder that can be written, room on the disk,
 * a clock that goes right. Each check says what it saw and what to do.
 */
import { execFile } from 'node:child_process'
import { mkdir, rm, statfs, writeFile } from 'node:fs/promises'
import { availableParallelism, totalmem } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { Check } from '@forewarn/contracts/health'
import type { Clock } from '@forewarn/runtime/clock'

const ok = (name: string, detail: string): Check => ({ name, status: 'ok', detail, remedy: '' })

/** All checks of the machine. Changes nothing but a probe file, which it removes. Never rejects. */
export async function machineChecks({ dataDir, clock }: { dataDir: string; clock: Clock }): Promise<Check[]> {
  const [folder, disk, time] = await Promise.all([dataFolder(dataDir), diskSpace(dataDir), clockCheck(clock)])
  return [nodeVersion(), machine(), folder, disk, time]
}

function nodeVersion(): Check {
  const found = process.versions.node
  if (Number(found.split('.')[0]) >= 24) return ok('node', `Node ${found}`)
  return {
    name: 'node',
    status: 'failed',
    detail: `Node ${found}`,
    remedy: 'Start with ./forewarn, which brings Node 24.',
  }
}

const gigabyte = 1024 ** 3

function machine(): Check {
  const memoryGb = totalmem() / gigabyte
  const detail = `${availableParallelism()} cores, ${memoryGb.toFixed(1)} GB of memory`
  if (memoryGb >= 2) return ok('machine', detail)
  return { name: 'machine', status: 'warning', detail, remedy: 'A house with embedded parts wants 2 GB of memory.' }
}

async function dataFolder(dataDir: string): Promise<Check> {
  const dir = resolve(dataDir)
  const probe = join(dir, '.doctor')
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 })
    await writeFile(probe, '')
    await rm(probe)
    return ok('data-folder', `${dir} can be written`)
  } catch (error) {
    const detail = `${dir} cannot be written: ${error instanceof Error ? error.message : String(error)}`
    return {
      name: 'data-folder',
      status: 'failed',
      detail,
      remedy: 'Give this user the folder, or choose another with --data-dir.',
    }
  }
}

async function diskSpace(dataDir: string): Promise<Check> {
  const name = 'disk-space'
  const freeGb = await freeGbAt(resolve(dataDir))
  if (freeGb === undefined) return { name, status: 'warning', detail: 'free space is not known', remedy: '' }
  const detail = `${freeGb.toFixed(1)} GB free`
  if (freeGb >= 5) return ok(name, detail)
  const remedy = 'Free some space, or choose another disk with --data-dir.'
  return { name, status: freeGb < 0.5 ? 'failed' : 'warning', detail, remedy }
}

/** Free space on the disk of this folder, or of the nearest parent that exists. */
async function freeGbAt(dir: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(dir)
    return (bavail * bsize) / gigabyte
  } catch {
    // The folder is not there yet: its parent is on the same disk.
    return dir === dirname(dir) ? undefined : freeGbAt(dirname(dir))
  }
}

/** No house was ever started before this code was written. */
const earliestMs = Date.UTC(2026, 10, 1)
const stepsMs = 50

async function clockCheck(clock: Clock): Promise<Check> {
  const name = 'clock'
  const now = new Date(clock.nowMs()).toISOString()
  const remedy = 'Let the machine keep its time by NTP (timedatectl set-ntp true): warnings are judged by time.'
  if (clock.nowMs() < earliestMs) return { name, status: 'failed', detail: `${now} is in the past`, remedy }
  const jumpMs = await jumpDuring(clock)
  if (Math.abs(jumpMs) > stepsMs)
    return { name, status: 'warning', detail: `jumped by ${Math.round(jumpMs)} ms while it was watched`, remedy }
  const synchronised = await ntpSays()
  if (synchronised === false) return { name, status: 'warning', detail: `${now}, not synchronised`, remedy }
  return ok(name, `${now}, steady${synchronised === true ? ', synchronised' : ''}`)
}

/** How far the wall clock and the monotonic clock part within a fifth of a second, ms. */
function jumpDuring(clock: Clock): Promise<number> {
  const wallMs = clock.nowMs()
  const monotonicMs = performance.now()
  return new Promise(done => clock.after(200, () => done(clock.nowMs() - wallMs - (performance.now() - monotonicMs))))
}

/** Whether systemd's clock is synchronised; undefined where nobody can say. */
async function ntpSays(): Promise<boolean | undefined> {
  try {
    const { stdout } = await promisify(execFile)('timedatectl', ['show', '-p', 'NTPSynchronized', '--value'], {
      timeout: 2000,
    })
    return stdout.trim() === 'yes'
  } catch {
    // No systemd: containers keep their host's time.
    return undefined
  }
}
