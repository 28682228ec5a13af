/**
 * The data folder: one house owns it at a time, and says so in `house.json`, where `forewarn doctor` and
 * `forewarn publish` find the running house.
 */
import { existsSync } from 'node:fs'
import { access, constants, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import { namingFullDisk, StartError, systemCode } from './start-error.ts'

export const RunningHouse = z.object({
  pid: z.number().int(),
  districtId: z.string(),
  mode: z.string(),
  mqttHost: z.string(),
  mqttPort: z.number(),
  consoleUrl: z.string(),
  /** Of the house's own door, for the program on this machine: POST /snapshot. */
  innerUrl: z.string().optional(),
  /** Of the inner server of ingest. */
  ingestUrl: z.string().optional(),
  /** Of the broker's inner server. */
  brokerUrl: z.string().optional(),
})
export type RunningHouse = z.infer<typeof RunningHouse>

const noteOf = (dataDir: string) => join(dataDir, 'house.json')

/** The house that runs in this data folder, if one does. */
export async function runningHouse(dataDir: string): Promise<RunningHouse | undefined> {
  const text = await readFile(noteOf(dataDir), 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const note = RunningHouse.safeParse(parsed(text))
  return note.success && isAlive(note.data.pid) ? note.data : undefined
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // A note cut short by a crash speaks of a house that is gone.
    return undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return systemCode(error) === 'EPERM'
  }
}

/** Makes the folder ready and takes it. Throws StartError when it cannot be written or is in use. */
export async function takeDataDir(dataDir: string): Promise<string> {
  const dir = resolve(dataDir)
  try {
    await makeFolder(dir)
    await access(dir, constants.W_OK)
    // Root may pass `access` on a read-only file system: only a write tells.
    await writeFile(join(dir, '.writable'), '')
    await rm(join(dir, '.writable'))
  } catch (error) {
    if (systemCode(error) === 'ENOSPC') throw namingFullDisk(error, dir)
    throw new StartError(
      'data-dir-not-writable',
      `data folder ${dir} cannot be written: choose another with --data-dir`,
      {
        cause: error,
      },
    )
  }
  const other = await runningHouse(dir)
  if (other !== undefined && other.pid !== process.pid)
    throw new StartError(
      'house-already-running',
      `a house already runs in ${dir} (process ${other.pid}, console ${other.consoleUrl})`,
    )
  return dir
}

// Level by level: Node's recursive mkdir never ends where a parent exists and takes no folders (/proc).
async function makeFolder(dir: string): Promise<void> {
  if (existsSync(dir)) return
  await makeFolder(dirname(dir))
  await mkdir(dir, { mode: 0o700 })
}

/** Writes down where the house that runs now is found. */
export async function noteRunning(dataDir: string, house: RunningHouse): Promise<void> {
  await writeFile(noteOf(dataDir), `${JSON.stringify(house, null, 2)}\n`)
}

/** Takes the note away; none is there afterwards, whether there was one or not. */
export async function noteStopped(dataDir: string): Promise<void> {
  await rm(noteOf(dataDir), { force: true })
}
