/**
 * Local alarms of gateways, kept until `alerts` has read them: on disk before the PUBACK, whether `alerts` is there
 * or not. A broker that only passed them on would acknowledge what it holds in memory.
 */
import { KeptAlarm, type LocalAlarm } from '@forewarn/contracts/gateway-messages'
import { z } from 'zod'
import { openKeptLines } from '../kept-lines.ts'

export interface AlarmBook {
  /** Resolves once it is on disk. */
  keep(alarm: LocalAlarm, from: { readonly gateway: string; readonly receivedAtMs: number }): Promise<void>
  /** The oldest of those with a greater number. */
  after(number: number): KeptAlarm[]
  close(): Promise<void>
}

/** Held in memory and answered; the disk keeps more, for a person to look at. */
const heldAtMost = 10_000
const answeredAtMost = 200

/** Opens the book in `dir`. */
export async function openAlarmBook({ dir }: { dir: string }): Promise<AlarmBook> {
  const held: KeptAlarm[] = []
  const hold = (kept: KeptAlarm) => {
    held.push(kept)
    if (held.length > heldAtMost) held.shift()
  }
  const lines = await openKeptLines({
    dir,
    onFound: line => {
      const kept = KeptAlarm.safeParse(line)
      if (kept.success) hold(kept.data)
    },
  })
  let last = held.at(-1)?.number ?? 0
  return {
    async keep(alarm, { gateway, receivedAtMs }) {
      last = Math.max(last + 1, Math.round(receivedAtMs) * 1000)
      const kept: KeptAlarm = { number: last, gateway, receivedAtMs, alarm }
      await lines.add(kept)
      hold(kept)
    },
    after: number => held.filter(kept => kept.number > number).slice(0, answeredAtMost),
    close: () => lines.close(),
  }
}

const Asked = z.object({ after: z.coerce.number().default(0) })

interface Routes {
  get(path: string, answer: (request: { readonly query: unknown }) => unknown): unknown
}

/** Adds `GET /alarms?after=n` to the inner server. */
export function alarmRoutes(routes: Routes, book: AlarmBook): void {
  // Only `alerts` asks: a question that is no number is a bug, and a 500 says so.
  routes.get('/alarms', request => book.after(Asked.parse(request.query).after))
}
