/**
 * What became of the readings of an outbox since its first start: counted over the segments that are gone, kept in
 * a file of fixed size that is written over in place, so that a full disk cannot refuse it.
 */
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { z } from 'zod'

const count = z.number().int().nonnegative()

const Totals = z.object({
  taken: count,
  /** Given to the uplink at least once; each reading counts once. */
  handedOver: count,
  acknowledged: count,
  /** Dropped because the outbox was full. */
  crowdedOut: count,
  /** Dropped because they had waited too long. */
  aged: count,
  /** Lost to a disk that gave back something else than was written. */
  damaged: count,
})
export type OutboxTotals = Readonly<z.infer<typeof Totals>>

const Gone = z.object({
  totals: Totals,
  /** First sequence number of the segment counted last: its file may be left. -1: none. */
  deleted: z.number().int(),
})
export type Gone = Readonly<z.infer<typeof Gone>>

export const emptyTotals: OutboxTotals = {
  taken: 0,
  handedOver: 0,
  acknowledged: 0,
  crowdedOut: 0,
  aged: 0,
  damaged: 0,
}

/** The sums, each counter by itself. */
export function addTotals(a: OutboxTotals, b: OutboxTotals): OutboxTotals {
  return {
    taken: a.taken + b.taken,
    handedOver: a.handedOver + b.handedOver,
    acknowledged: a.acknowledged + b.acknowledged,
    crowdedOut: a.crowdedOut + b.crowdedOut,
    aged: a.aged + b.aged,
    damaged: a.damaged + b.damaged,
  }
}

export interface GoneFile {
  /** As the last life left it. */
  readonly found: Gone
  /** Resolves once it is on disk. Only the newest call counts when several wait. */
  write(gone: Gone): Promise<void>
  close(): Promise<void>
}

/** Two slots, written in turn: one of them is whole whenever the power goes. */
const slotBytes = 512
const Slot = z.object({ turn: count, gone: Gone })

/** Opens the file, made when missing. */
export async function openGoneFile(path: string): Promise<GoneFile> {
  const file = await open(path, constants.O_RDWR | constants.O_CREAT)
  const slots = await readSlots(file)
  // Room is taken now, so that no later write needs any.
  if (slots === undefined) await file.write(Buffer.alloc(2 * slotBytes), 0, 2 * slotBytes, 0)
  const newest = slots?.reduce((best, slot) => (slot.turn > best.turn ? slot : best), none) ?? none
  let { turn } = newest
  let writing = Promise.resolve()
  return {
    found: newest.gone,
    write(gone) {
      const mine = ++turn
      writing = writing.catch(() => undefined).then(() => writeSlot(file, { turn: mine, gone }))
      return writing
    },
    async close() {
      // Whoever asked for the last write was told how it went.
      await writing.catch(() => undefined)
      await file.close()
    },
  }
}

const none: z.infer<typeof Slot> = { turn: 0, gone: { totals: emptyTotals, deleted: -1 } }

async function readSlots(file: FileHandle): Promise<z.infer<typeof Slot>[] | undefined> {
  const bytes = Buffer.alloc(2 * slotBytes)
  const { bytesRead } = await file.read(bytes, 0, bytes.length, 0)
  if (bytesRead < bytes.length) return undefined
  return [bytes.subarray(0, slotBytes), bytes.subarray(slotBytes)].flatMap(slot => decodeSlot(slot) ?? [])
}

function decodeSlot(slot: Buffer): z.infer<typeof Slot> | undefined {
  const body = slot.subarray(4)
  if (crc32(body) !== slot.readUInt32LE(0)) return undefined
  const text = body.toString().trim()
  try {
    return Slot.parse(JSON.parse(text))
  } catch {
    return undefined // written by something else, or torn with a right sum: the other slot counts
  }
}

async function writeSlot(file: FileHandle, slot: z.infer<typeof Slot>): Promise<void> {
  const body = Buffer.from(JSON.stringify(slot).padEnd(slotBytes - 4))
  const bytes = Buffer.alloc(slotBytes)
  bytes.writeUInt32LE(crc32(body), 0)
  body.copy(bytes, 4)
  await file.write(bytes, 0, slotBytes, (slot.turn % 2) * slotBytes)
  await file.datasync()
}
