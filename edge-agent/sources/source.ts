/**
 * What a source is: it speaks a field protocol on one side and gives readings to an outbox on the other. A device
 * profile (YAML) says how; the file of each kind says what its profile may hold.
 */
import type { SenmlReading } from '@forewarn/contracts/senml'
import type { Clock } from '@forewarn/runtime/clock'
import type { Log } from '@forewarn/runtime/log'
import type { z } from 'zod'

/** Something that came in and became no reading. Counted by `reason`; the newest are kept where a person can look. */
export interface Refusal {
  /** A stable code in the source's own words: `wrong-checksum`, `unknown-station`, `sentinel`. */
  readonly reason: string
  /** What was wrong and where, in a sentence for a person. */
  readonly detail: string
  /** As it came: bytes are kept as hex, text as text; cut at 4 kB. */
  readonly original: string | Uint8Array
}

/** All that a source may touch beside its own connection. */
export interface Surroundings {
  /**
   * Resolves once the readings are on disk in the gateway's outbox: only then may a device be told that they were
   * taken. Rejects when the disk refused or the agent has no such gateway: then nothing was kept.
   * `backlog`: the device had held them back, they are not of now.
   */
  take(gateway: string, readings: readonly SenmlReading[], options: { backlog: boolean }): Promise<void>
  refuse(refusal: Refusal): void
  readonly clock: Clock
  readonly log: Log
}

export interface SourceStatus {
  /** `waiting`: for a device that has not spoken yet; `troubled`: its connection or port is not to be had. */
  readonly state: 'running' | 'waiting' | 'troubled'
  /** What is the matter, in a sentence; absent when all is well. */
  readonly trouble?: string
  /** Of a source that devices connect to: `host:port`. */
  readonly listensAt?: string
  /** Counters of the kind's own, from the source's start: frames, resends, dialects. */
  readonly counts: Readonly<Record<string, number>>
}

export interface Source {
  readonly kind: string
  status(): SourceStatus
  /**
   * Of a source that asks its devices: how often it is to ask for these sensors, ms of the house's time; for the others
   * as the profile says. Called with the whole list whenever it changes. Sources that are spoken to have none.
   */
  readonly pace?: (periodMsBySensor: ReadonlyMap<string, number>) => void
  /** Takes nothing more and lets go of its connection; what was being taken is finished first. Never rejects. */
  stop(): Promise<void>
}

/** What every profile holds, whatever its kind. */
export interface AnyProfile {
  readonly source: string
  readonly gateway: string
}

/** A profile that was read, and can be started. */
export interface PreparedSource {
  readonly kind: string
  readonly gateway: string
  /** The sensor ids it can speak of. */
  readonly sensors: readonly string[]
  /** What it may switch or change at its devices, in words. Only a profile on this machine's disk may say so. */
  readonly changes: readonly string[]
  /**
   * Rejects when it cannot run at all (a port that is taken). A device that is away now is no reason to reject: the
   * source goes on trying, and says so in its status.
   */
  start(around: Surroundings): Promise<Source>
}

/** One kind of source, as `kinds.ts` knows it. */
export interface SourceKind {
  readonly kind: string
  /** Checks a profile: what can be started, or what is wrong with it and where. */
  prepare(profile: unknown): PreparedSource | readonly z.core.$ZodIssue[]
}

/**
 * Makes a kind from its schema and its deeds. `sensors` lists the sensor ids that a profile names, `changes` what it may
 * change at a device (nothing, when left out).
 */
export function sourceKind<Profile extends AnyProfile>({
  kind,
  profile: schema,
  sensors,
  changes = () => [],
  start,
}: {
  readonly kind: string
  readonly profile: z.ZodType<Profile>
  readonly sensors: (profile: Profile) => readonly string[]
  readonly changes?: (profile: Profile) => readonly string[]
  readonly start: (profile: Profile, around: Surroundings) => Promise<Source>
}): SourceKind {
  return {
    kind,
    prepare(given) {
      const parsed = schema.safeParse(given)
      if (!parsed.success) return parsed.error.issues
      const { data } = parsed
      return {
        kind,
        gateway: data.gateway,
        sensors: sensors(data),
        changes: changes(data),
        start: around => start(data, around),
      }
    },
  }
}
