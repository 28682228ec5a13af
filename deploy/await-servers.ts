/**
 * A house whose servers are not there yet: after a power cut everything starts at once, and PostgreSQL is not the
 * fastest. Readings are kept meanwhile, so nothing is gained by ending.
 */
import type { Clock } from '@forewarn/runtime/clock'
import type { Log } from '@forewarn/runtime/log'

/** Not there, or there and not ready: what another try can mend. 57P03 is PostgreSQL's "starting up". */
const passing: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
  '57P03',
])

const againAfterMs = 500
const toldEveryTries = 20

/** Does `start` again until it succeeds or fails for a reason that time does not mend; then rejects with that. */
export async function whenServersAnswer<T>(
  start: () => Promise<T>,
  { part, log, clock }: { part: string; log: Log; clock: Clock },
): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await start()
    } catch (cause) {
      const reason = passingReason(cause)
      if (reason === undefined) throw cause
      if (tries % toldEveryTries === 0) {
        log.error('server-awaited', { part, reason })
        process.stderr.write(`forewarn: ${part} wait for a server: ${reason}. Readings are kept meanwhile.\n`)
      }
      await new Promise<void>(resolve => void clock.after(againAfterMs * clock.speed, resolve))
    }
  }
}

/** What is wrong, when it may pass; undefined when it will not. */
export function passingReason(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined
  if ('code' in cause && typeof cause.code === 'string' && passing.has(cause.code)) return cause.message || cause.code
  // Several addresses of one name were tried: all have failed.
  if (cause instanceof AggregateError) return cause.errors.map(passingReason).find(reason => reason !== undefined)
  return passingReason(cause.cause)
}
