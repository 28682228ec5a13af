/**
 * The wire between the console's server and its page: types only, so that the page carries no parser. The server
 * has parsed everything with the schemas of `contracts` before it says it here.
 */
import type { WarningsSnapshot } from '@forewarn/contracts/alerts-api'
import type { District, Place, Unit } from '@forewarn/contracts/district'
import type { MapLayers } from '@forewarn/contracts/geography'
import type { Check } from '@forewarn/contracts/health'
import type { Mode } from '@forewarn/contracts/mode'
import type { Quantity } from '@forewarn/contracts/quantity'
import type { PlaceCondition } from '@forewarn/contracts/rules-api'
import type { Text } from '@forewarn/contracts/text'

/** Roles an officer can have. Observers see everything and command nothing. */
export const roles = ['officer', 'lead', 'engineer', 'observer'] as const
export type Role = (typeof roles)[number]

export interface SignedIn {
  readonly name: string
  readonly role: Role
}

/** What the sign-in page may know before anyone has signed in. */
export interface Greeting {
  readonly districtName: Text
  readonly mode: Mode
  readonly officer: SignedIn | null
}

/** `GET /api/district`: what does not change while the house runs. */
export interface DistrictView {
  readonly id: District['id']
  readonly name: Text
  readonly timeZone: string
  readonly mode: Mode
  readonly places: readonly Place[]
  readonly units: readonly Unit[]
  readonly mapLayers: MapLayers
  readonly sensorCount: number
}

/** One bar of the rain strip: intensity over the minute that begins at `atMs`, mm/h. */
export interface RainMinute {
  readonly atMs: number
  readonly mean: number
  readonly max: number
}

/** The header's figures. `null` is "not known", never zero. */
export interface Figures {
  /** House time these were taken at. */
  readonly atMs: number
  /** House time minus the newest measured time in the store. */
  readonly dataAgeMs: number | null
  /** Age beyond which the data counts as old: two reporting periods of the quickest sensors. */
  readonly oldAfterMs: number
  readonly silentSensors: number | null
  readonly sensors: number
  /** Wettest gauge over the last 10 minutes, mm/h. */
  readonly rainNowMmPerHour: number | null
  /** Wettest gauge's sum over the last 60 minutes, mm. */
  readonly rainLastHourMm: number | null
  readonly rain: readonly RainMinute[]
}

/** A process that did not answer, or not sensibly. */
export interface Trouble {
  readonly process: string
  readonly detail: string
}

/** `GET /api/snapshot`. `warnings` and `conditions` are null when nobody could say. */
export interface Snapshot {
  readonly nowMs: number
  readonly speed: number
  readonly warnings: WarningsSnapshot['warnings'] | null
  readonly units: WarningsSnapshot['units'] | null
  readonly conditions: readonly PlaceCondition[] | null
  readonly figures: Figures
  readonly troubles: readonly Trouble[]
}

/** SSE `tick`: the house's clock, and how fresh what it shows is. */
export interface Tick {
  readonly nowMs: number
  readonly speed: number
  readonly dataAgeMs: number | null
  /** Whether the wire to `alerts` stands: without it new warnings do not reach this page. */
  readonly alertsLive: boolean
}

/** SSE `health`: every few seconds. */
export interface HealthNotice {
  readonly figures: Figures
  readonly troubles: readonly Trouble[]
}

export interface ProcessView {
  readonly process: string
  readonly answered: boolean
  readonly checks: readonly Check[]
  readonly figures: Readonly<Record<string, number>>
}

/** `GET /api/health`. */
export interface HouseHealth {
  readonly atMs: number
  readonly processes: readonly ProcessView[]
}

/** `GET /api/series`: observed values, times in UTC ms, values in `unit`. `null` is a gap. */
export interface Series {
  readonly sensor: string | null
  readonly quantity: Quantity | null
  readonly unit: string | null
  readonly atMs: readonly number[]
  readonly value: readonly (number | null)[]
}

/** RFC 9457; `code` is what programs branch on. */
export interface Problem {
  readonly title: string
  readonly status: number
  readonly code: string
}
