/**
 * The shifts that wrong clocks were given, over a restart: the same reading must count at the same time again.
 */
import { readFileSync } from 'node:fs'
import type { District } from '@forewarn/contracts/district'
import { replaceFile } from '@forewarn/journal/durable-file'
import { isMissing } from '@forewarn/runtime/kept-file'
import type { Log } from '@forewarn/runtime/log'
import { z } from 'zod'
import type { ClocksOptions, Troubles } from '../clocks.ts'

const ClockFile = z.record(
  z.string(),
  z.object({ sinceMs: z.number(), offsetMs: z.number(), shiftMs: z.record(z.string(), z.number()) }),
)

/** Sensors stand in it by their ids: their places in the registry may change between two starts. */
export function clockFile({
  file,
  district,
  log,
}: {
  file: string
  district: District
  log: Log
}): Required<Pick<ClocksOptions, 'troubles' | 'keep'>> {
  const indices = new Map(district.sensors.map(({ id }, index) => [id, index]))
  return {
    troubles: readTroubles(file, { indices, log }),
    async keep(troubles) {
      const entries = [...troubles].map(([gateway, { shiftMs, newestMs: _, ...trouble }]) => {
        const byId = [...shiftMs].map(([sensor, ms]) => [district.sensors[sensor]?.id ?? '', ms] as const)
        return [gateway, { ...trouble, shiftMs: Object.fromEntries(byId) }] as const
      })
      await replaceFile(file, JSON.stringify(Object.fromEntries(entries)))
    },
  }
}

function readTroubles(file: string, { indices, log }: { indices: ReadonlyMap<string, number>; log: Log }): Troubles {
  const troubles: Troubles = new Map()
  for (const [gateway, { shiftMs, ...trouble }] of Object.entries(readFile(file, log))) {
    const byIndex = new Map<number, number>()
    for (const [id, ms] of Object.entries(shiftMs)) {
      const index = indices.get(id)
      if (index !== undefined) byIndex.set(index, ms)
    }
    if (byIndex.size > 0) troubles.set(gateway, { ...trouble, shiftMs: byIndex, newestMs: new Map() })
  }
  return troubles
}

function readFile(file: string, log: Log): z.infer<typeof ClockFile> {
  try {
    return ClockFile.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch (cause) {
    // A clock that is wrong is noticed again with its next message.
    if (!isMissing(cause)) log.error('clocks-not-read', { file, reason: String(cause) })
    return {}
  }
}
