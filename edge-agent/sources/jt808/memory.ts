/** What is remembered of each vehicle, on disk: which order it is on, what its driver has yet to be told, its code. */
import { readIfThereSync, replaceFile } from '@forewarn/runtime/kept-file'
import { z } from 'zod'
import { VehicleMemory } from './vehicle-order.ts'

const Kept = z.object({ vehicles: z.record(z.string(), VehicleMemory) })

export interface Memories {
  of(unit: string): VehicleMemory
  /** Resolves once it is on disk; rejects when it is not, and then nothing has changed. */
  keep(unit: string, memory: VehicleMemory): Promise<void>
  /** A position changes too often to be worth the disk: it is written with whatever comes next. */
  note(unit: string, memory: VehicleMemory): void
  close(): Promise<void>
}

/** Throws when the file is there and none of ours. */
export function openMemories(path: string): Memories {
  const vehicles = new Map(Object.entries(readKept(path).vehicles))
  let turn: Promise<void> = Promise.resolve()
  const write = () => {
    const next = turn
      // Whoever waited before got its own answer.
      .catch(() => undefined)
      .then(() => replaceFile(path, JSON.stringify({ vehicles: Object.fromEntries(vehicles) })))
    turn = next
    return next
  }
  return {
    of: unit => vehicles.get(unit) ?? {},
    async keep(unit, memory) {
      const before = vehicles.get(unit) ?? {}
      vehicles.set(unit, memory)
      try {
        await write()
      } catch (cause) {
        if (vehicles.get(unit) === memory) vehicles.set(unit, before)
        throw new Error(`write ${path}`, { cause })
      }
    },
    note: (unit, memory) => void vehicles.set(unit, memory),
    async close() {
      // A position that is not written is said again by the truck.
      await write().catch(() => undefined)
    },
  }
}

function readKept(path: string): z.infer<typeof Kept> {
  const bytes = readIfThereSync(path)
  return bytes === undefined ? { vehicles: {} } : Kept.parse(JSON.parse(String(bytes)))
}
