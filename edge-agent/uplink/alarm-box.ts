/**
 * Local alarms that the house has not got yet: a file each, on disk before anything else is done with it, gone at
 * the PUBACK. Apart from the readings, so that an alarm neither waits behind a million of them nor is dropped with
 * them.
 */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { LocalAlarm } from '@forewarn/contracts/gateway-messages'
import { replaceFile } from '@forewarn/runtime/kept-file'

export interface AlarmBox {
  /** Resolves once it is on disk. The same id again (it has cleared) takes the older one's place. */
  put(alarm: LocalAlarm): Promise<void>
  /** What the house has not got, oldest first. */
  waiting(): LocalAlarm[]
  /** Forgets it, unless it has changed since it was sent. */
  delivered(alarm: LocalAlarm): Promise<void>
}

/** More alarms than this are one broken sensor: the oldest go. */
const alarmsAtMost = 1000

/** Opens the folder, made when missing. `onTrouble` is told of alarms that cannot be read. */
export function openAlarmBox(
  dir: string,
  onTrouble: (event: string, facts: Record<string, unknown>) => void,
): AlarmBox {
  mkdirSync(dir, { recursive: true })
  const alarms = new Map<string, LocalAlarm>()
  for (const name of readdirSync(dir).filter(one => one.endsWith('.json'))) {
    const alarm = readAlarm(join(dir, name))
    if (alarm === undefined) onTrouble('alarm-unreadable', { path: join(dir, name) })
    else alarms.set(alarm.id, alarm)
  }
  // One file at a time: put and delivered of one alarm must not cross.
  let writing: Promise<void> = Promise.resolve()
  const inTurn = (deed: () => Promise<void>) => {
    const turn = writing.then(deed)
    writing = turn.catch(() => undefined) // told to whoever asked for it
    return turn
  }
  const pathOf = (id: string) => join(dir, `${Buffer.from(id).toString('base64url')}.json`)
  const forget = async (id: string) => {
    alarms.delete(id)
    await rm(pathOf(id), { force: true })
  }
  const waiting = () => [...alarms.values()].sort((a, b) => a.raisedAtMs - b.raisedAtMs)
  return {
    put: alarm =>
      inTurn(async () => {
        alarms.set(alarm.id, alarm)
        const [oldest] = waiting()
        if (alarms.size > alarmsAtMost && oldest !== undefined) {
          onTrouble('alarm-dropped', { alarm: oldest.id })
          await forget(oldest.id)
        }
        await replaceFile(pathOf(alarm.id), JSON.stringify(alarm))
      }),
    waiting,
    delivered: alarm =>
      inTurn(async () => {
        if (alarms.get(alarm.id) === alarm) await forget(alarm.id)
      }),
  }
}

function readAlarm(path: string): LocalAlarm | undefined {
  try {
    return LocalAlarm.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    return undefined // the caller reports it; the file stays for a person to look at
  }
}
