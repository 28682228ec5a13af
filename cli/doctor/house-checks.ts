/**
 * What the running house says of itself: every process with its checks, and what was refused, by reason.
 */
import type { Check, QuarantineReport } from '@forewarn/contracts/health'
import { askHealth, askQuarantine, type HouseDoor } from '../running-house.ts'

/** One section of the doctor's report. */
export interface Section {
  readonly title: string
  readonly checks: Check[]
}

/** Asks the house. Never rejects: a house that does not answer is a failed check. */
export async function houseSections(door: HouseDoor): Promise<Section[]> {
  const [health, quarantine] = await Promise.all([askHealth(door), askQuarantine(door)])
  const processes =
    typeof health === 'string'
      ? [{ title: 'house', checks: [silent(health)] }]
      : health.processes.map(({ process, checks }) => ({ title: process, checks }))
  const refused = typeof quarantine === 'string' ? [silent(quarantine)] : refusalChecks(quarantine)
  return [...processes, { title: 'refused readings', checks: refused }]
}

function silent(detail: string): Check {
  return {
    name: 'answers',
    status: 'failed',
    detail,
    remedy: 'Look at the log in the data folder, and start the house again.',
  }
}

type Reason = keyof QuarantineReport['counts']

const remedies: Record<Reason, string> = {
  'not-senml': 'The gateway must send SenML JSON (RFC 8428).',
  'not-finite': 'The device sends no number: look at its decoder.',
  'unknown-sensor': 'Add the sensor to the district file, or correct its name at the gateway.',
  'wrong-gateway': 'The sensor belongs to another gateway in the district file.',
  'wrong-unit': 'Send the unit that the district file states for its quantity.',
  'out-of-bounds': 'No instrument can measure this: look at the scaling of the device.',
  'clock-skewed': 'Set the clock of the gateway by NTP; the readings counted at their time of arrival.',
  'foreign-topic': 'The gateway published on a topic that is not its own.',
  'unknown-topic': 'Publish on fw/1/{district}/{gateway}/readings.',
  'too-large': 'Send at most 500 readings in one message.',
  'bad-columns': 'The columns of the gateway do not line up with each other or with its birth message.',
  'unknown-birth':
    'The gateway was asked for its birth message; once it came, release what waits: forewarn quarantine.',
  'bad-packing': 'The payload on a topic that ends in /zstd must be one Zstandard frame.',
  'bad-message': 'The gateway’s birth, status or alarm is not of the shape that docs describe.',
  'bad-payload': 'The device’s payload is not of its format: look at its firmware, or at the mapping.',
}

function refusalChecks({ counts, newest }: QuarantineReport): Check[] {
  const reasons = newest.map(({ reason }) => reason)
  const seen = [...new Set<Reason>([...reasons, ...Object.keys(remedies).filter(isReason)])]
  const checks = seen.flatMap(reason => {
    const count = counts[reason] ?? 0
    if (count === 0) return []
    const latest = newest.find(entry => entry.reason === reason)
    const last = latest === undefined ? '' : `; last from ${latest.gateway}: ${latest.detail}`
    return [{ name: reason, status: 'warning' as const, detail: `${count}${last}`, remedy: remedies[reason] }]
  })
  return checks.length > 0 ? checks : [{ name: 'none', status: 'ok', detail: 'no reading was refused', remedy: '' }]
}

function isReason(text: string): text is Reason {
  return text in remedies
}
