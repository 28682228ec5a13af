/**
 * The short way of readings: a gateway's own readings are taken from its connection before Aedes sees them, handed to
 * the house, and acknowledged when they are on disk, all that one flush has kept in one write and in the order in
 * which they came (MQTT 3.1.1 §4.6). Everything else goes on to Aedes untouched. A connection that has too much under
 * way is not read: nothing is dropped, TCP makes the sender wait.
 */
import type { Duplex } from 'node:stream'
import type { AcceptPublish, Publish } from '@forewarn/contracts/intake'
import type { Clock } from '@forewarn/runtime/clock'
import { type OwnPublish, type OwnTopic, PublishSplit } from './publish-split.ts'

/** What all connections share. */
export interface TapHouse {
  readonly accept: AcceptPublish
  readonly clock: Clock
  readonly limits: { readonly maxPacketBytes: number; readonly maxPublishesUnderWay: number }
  /** Told of each message that is kept, and how long that took on the wall clock. */
  readonly onAccepted: (tookMs: number) => void
  readonly onNotKept: (about: { readonly user: string; readonly topic: string; readonly cause: unknown }) => void
  readonly room: TapRoom
}

/** Whose readings are taken, and who else wants to know. */
export interface TapOwner {
  readonly gateway: string
  readonly own: readonly OwnTopic[]
  /** Something was heard: the client is alive (3.1.2-24). */
  readonly onAlive: () => void
  readonly onPublish: (bytes: number) => void
}

/** Bytes under way from all connections together. */
export interface TapRoom {
  isFull(): boolean
  take(bytes: number): void
  give(bytes: number): void
  /** Calls back once there is room again. */
  wait(resume: () => void): void
}

export function tapRoom(maxBytes: number): TapRoom {
  let used = 0
  let waiting = new Set<() => void>()
  return {
    isFull: () => used >= maxBytes,
    take(bytes) {
      used += bytes
    },
    give(bytes) {
      used -= bytes
      if (waiting.size === 0 || used > maxBytes / 2) return
      const resumed = waiting
      waiting = new Set()
      for (const resume of resumed) resume()
    },
    wait: resume => void waiting.add(resume),
  }
}

/** How long a full journal is left alone. */
const retryMs = 1000

/** Of one connection under way; a quarter of a flush. */
const maxBytesUnderWay = 512 * 1024

interface Entry {
  readonly packetId: number
  readonly bytes: number
  isKept: boolean
}

export class PublishTap {
  readonly #stream: Duplex
  readonly #house: TapHouse
  readonly #split: PublishSplit
  #owner: TapOwner | undefined
  /** In the order in which they came. */
  #underWay: Entry[] = []
  #bytesUnderWay = 0
  /** Messages that Aedes has and has not acknowledged yet. */
  #elsewhere = 0
  /** Nothing is read until it is false again. */
  #isHeld = false
  #isFlushDue = false
  /** The journal was full when it was last asked. */
  #isRefused = false

  /** Stands in front of everybody who reads from `stream`. */
  constructor(stream: Duplex, house: TapHouse) {
    this.#stream = stream
    this.#house = house
    this.#split = new PublishSplit({ maxBytes: house.limits.maxPacketBytes })
    const read = stream.read.bind(stream)
    stream.read = (size?: number) => {
      if (this.#isHeld) return null
      const chunk: unknown = read(size)
      if (chunk instanceof Uint8Array) this.#split.feed(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
      return this.#sort()
    }
  }

  /** The client is in and its CONNACK is out: from now on its readings are taken. */
  open(owner: TapOwner): void {
    this.#owner = owner
    this.#split.own = owner.own
  }

  /** Aedes has a message that it will acknowledge later. */
  beginElsewhere(): void {
    this.#elsewhere++
  }

  endElsewhere(): void {
    this.#elsewhere--
    this.#release()
  }

  /** Takes what is ours out of what has come; the rest, or null when nothing is left of it. */
  #sort(): Buffer | null {
    const others: Buffer[] = []
    const startMs = performance.now()
    const atMs = this.#house.clock.nowMs()
    let taken = 0
    let passed = false
    for (let next = this.#split.next(); next !== undefined; next = this.#split.next()) {
      if (next === 'own') {
        if (passed || this.#mustWait()) {
          this.#hold(passed)
          break
        }
        this.#take(this.#split.takeOwn(), { startMs, atMs })
        taken++
      } else {
        // What Aedes acknowledges must not overtake what came before it.
        if (next === 'acknowledged' && this.#underWay.length > 0) {
          this.#hold(false)
          break
        }
        passed ||= next === 'acknowledged'
        others.push(this.#split.takeOther())
      }
    }
    if (taken > 0) this.#owner?.onAlive()
    if (others.length > 1) return Buffer.concat(others)
    return others[0] ?? null
  }

  #mustWait(): boolean {
    const { limits, room } = this.#house
    return (
      this.#isRefused ||
      this.#elsewhere > 0 ||
      this.#underWay.length >= limits.maxPublishesUnderWay ||
      this.#bytesUnderWay >= maxBytesUnderWay ||
      room.isFull() ||
      this.#stream.writableNeedDrain
    )
  }

  #hold(untilAedesHasIt: boolean): void {
    this.#isHeld = true
    // Aedes is given what was passed on when this turn ends, and says with `beginElsewhere` if it keeps it waiting.
    if (untilAedesHasIt) setImmediate(() => this.#release())
    else if (this.#stream.writableNeedDrain) this.#stream.once('drain', () => this.#release())
    else if (this.#underWay.length === 0 && this.#elsewhere === 0) this.#house.room.wait(() => this.#release())
  }

  /** Goes on reading if it was held; whoever still has to wait holds again. */
  #release(): void {
    if (!this.#isHeld) return
    this.#isHeld = false
    if (!this.#stream.destroyed) this.#stream.emit('readable')
  }

  #take({ topic, payload, packetId, bytes }: OwnPublish, { startMs, atMs }: { startMs: number; atMs: number }): void {
    const { gateway = '', onPublish } = this.#owner ?? {}
    const entry: Entry = { packetId, bytes, isKept: false }
    onPublish?.(bytes)
    this.#underWay.push(entry)
    this.#bytesUnderWay += bytes
    this.#house.room.take(bytes)
    this.#keep(entry, { gateway, topic, payload, receivedAtMs: atMs }, startMs)
  }

  #keep(entry: Entry, publish: Publish, startMs: number): void {
    const { accept, onAccepted, onNotKept } = this.#house
    accept(publish).then(
      () => {
        onAccepted(performance.now() - startMs)
        this.#settled(entry)
      },
      (cause: unknown) => {
        onNotKept({ user: publish.gateway, topic: publish.topic, cause })
        if (isFull(cause) && !this.#stream.destroyed) return this.#keepLater(entry, publish, startMs)
        this.#giveBack(entry)
        // No PUBACK and no connection: the client comes again with the same message (MQTT 3.1.1 §4.4).
        this.#stream.destroy(new Error('the message could not be kept', { cause }))
      },
    )
  }

  /** There is no room on the disk: the sender waits, and so does everything behind its message. */
  #keepLater(entry: Entry, publish: Publish, startMs: number): void {
    this.#isRefused = true
    setTimeout(() => {
      this.#isRefused = false
      if (this.#stream.destroyed) this.#giveBack(entry)
      else this.#keep(entry, publish, startMs)
    }, retryMs).unref()
  }

  #giveBack({ bytes }: Entry): void {
    this.#bytesUnderWay -= bytes
    this.#house.room.give(bytes)
  }

  #settled(entry: Entry): void {
    entry.isKept = true
    this.#giveBack(entry)
    if (this.#isFlushDue) return
    this.#isFlushDue = true
    // Behind everybody else of the same flush.
    queueMicrotask(() => this.#flush())
  }

  /** Acknowledges all up to the first that is not kept yet. */
  #flush(): void {
    this.#isFlushDue = false
    const first = this.#underWay.findIndex(({ isKept }) => !isKept)
    const kept = this.#underWay.splice(0, first < 0 ? this.#underWay.length : first)
    const ids = kept.filter(({ packetId }) => packetId > 0)
    if (ids.length > 0 && this.#stream.writable) this.#stream.write(pubacks(ids))
    const isHalfDone = this.#underWay.length <= this.#house.limits.maxPublishesUnderWay / 2
    if (isHalfDone && this.#bytesUnderWay <= maxBytesUnderWay / 2) this.#release()
  }
}

/** `journal-full`: it takes messages again once the store has caught up. */
function isFull(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'journal-full'
}

/** MQTT 3.1.1 §3.4. */
function pubacks(entries: readonly Entry[]): Buffer {
  const bytes = Buffer.allocUnsafe(entries.length * 4)
  let at = 0
  for (const { packetId } of entries) {
    at = bytes.writeUInt16BE(0x4002, at)
    at = bytes.writeUInt16BE(packetId, at)
  }
  return bytes
}
