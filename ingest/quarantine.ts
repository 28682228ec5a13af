/**
 * What was refused or kept aside, with its original, where a person can look at it. On disk before it is
 * acknowledged, bounded, counted by reason.
 */

import type { QuarantineReport } from '@forewarn/contracts/health'
import { Rejection, type RejectionReason } from '@forewarn/contracts/rejection'
import { z } from 'zod'
import { openKeptLines } from './kept-lines.ts'

export interface Quarantine {
  /** Resolves once it is on disk. `readings` says how many it stands for. */
  add(rejection: Rejection, readings: number): Promise<void>
  report(): QuarantineReport
  /** When the last one came in, UTC ms; undefined when there is none. */
  newestAtMs(): number | undefined
  filesDropped(): number
  close(): Promise<void>
}

const shownAtMost = 100
const originalAtMostBytes = 4096

const Line = Rejection.extend({ readings: z.number() })

/** Opens the quarantine in `dir`; what earlier lives kept there is counted again. */
export async function openQuarantine({
  dir,
  fileMaxBytes,
  maxFiles,
}: {
  dir: string
  fileMaxBytes?: number
  maxFiles?: number
}): Promise<Quarantine> {
  const counts: Partial<Record<RejectionReason, number>> = {}
  const newest: Rejection[] = []
  const note = ({ readings, ...rejection }: z.infer<typeof Line>) => {
    counts[rejection.reason] = (counts[rejection.reason] ?? 0) + readings
    newest.unshift(rejection)
    newest.length = Math.min(newest.length, shownAtMost)
  }
  const lines = await openKeptLines({
    dir,
    ...(fileMaxBytes === undefined ? {} : { fileMaxBytes }),
    ...(maxFiles === undefined ? {} : { maxFiles }),
    onFound(found) {
      const line = Line.safeParse(found)
      if (line.success) note(line.data)
    },
  })
  return {
    async add(rejection, readings) {
      const line = { ...rejection, readings }
      await lines.add(line)
      note(line)
    },
    report: () => ({ counts: { ...counts }, newest: [...newest] }),
    newestAtMs: () => newest[0]?.atMs,
    filesDropped: () => lines.filesDropped(),
    close: () => lines.close(),
  }
}

/** The original as it is kept: text where it is text, else base64; cut at 4 kB. */
export function originalOf(payload: Uint8Array): string {
  const cut = payload.subarray(0, originalAtMostBytes)
  try {
    // A character that the cut went through must not turn text into base64: `stream` keeps it back.
    return new TextDecoder('utf-8', { fatal: true }).decode(cut, { stream: payload.length > cut.length })
  } catch {
    return Buffer.from(cut).toString('base64') // no text
  }
}
