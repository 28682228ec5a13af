/**
 * What a format is: it reads one message and says what it comes to. Reading is quick and waits for nothing; what
 * must be on disk before the message is acknowledged is handed back as a promise.
 */
import type { Publish } from '@forewarn/contracts/intake'
import type { RejectionReason } from '@forewarn/contracts/rejection'
import type { Arrival, Judgement } from '../judge.ts'

/** The message holds readings, good ones and bad ones. */
export interface Readings extends Judgement {
  readonly kind: 'readings'
  /** The records at these places alone, as a payload of the same format with the same places; the whole when absent. */
  readonly excerpt?: ((places: ReadonlySet<number>) => Uint8Array) | undefined
  readonly kept?: Promise<void> | undefined
}

/** It was understood, and there is nothing in it to keep as a reading: a birth, a status, a sign of life. */
export interface Heard {
  readonly kind: 'heard'
  readonly kept?: Promise<void> | undefined
}

/** Nothing of it can be taken. */
export interface Refused {
  readonly kind: 'refused'
  readonly reason: RejectionReason
  readonly detail: string
  /** How many it stands for, where that can be told; 1 when left out. */
  readonly readings?: number
  /** The gateway's number for this batch, where it can be read. */
  readonly sequence?: number
}

export type Said = Readings | Heard | Refused

/** Reads a message. Must not throw for any bytes. */
export type Format = (publish: Publish, arrival: Arrival) => Said

export const heard: Heard = { kind: 'heard' }

/** A message that goes to quarantine, and why. */
export function refused(reason: RejectionReason, detail: string): Refused {
  return { kind: 'refused', reason, detail }
}
