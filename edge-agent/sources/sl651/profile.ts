/** The profile of stations that speak SL 651-2014; an example is in `examples/sl651.yaml`. */
import { elementIdOf, elementsById } from '@forewarn/protocols/sl651/elements'
import { changingFuncs, functionFacts, queryFuncs } from '@forewarn/protocols/sl651/functions'
import { z } from 'zod'
import { Duration, Listen, profileFields, sensorFields } from '../profile-fields.ts'

/** An element, or one bit of the station's status. */
export interface ElementToRead {
  readonly id: string
  readonly bit?: number
}

const ReadElement = z.string().transform((text, context): ElementToRead => {
  const [, bit] = /^ZT\.(\d{1,2})$/i.exec(text) ?? []
  if (bit !== undefined && Number(bit) < 32) return { id: '45', bit: Number(bit) }
  const id = /^(?:FF)?[0-9A-F]{2}$/i.test(text) ? text.toUpperCase() : elementIdOf(text)
  if (id !== undefined && (elementsById.has(id) || id.length === 4)) return { id }
  context.addIssue({
    code: 'custom',
    input: text,
    message: `"${text}" is no element; write an id (39), a symbol (Z, PT), an extension (FF09) or a status bit (ZT.10)`,
  })
  return z.NEVER
})

const StationSensor = z.strictObject({
  ...sensorFields,
  read: ReadElement,
  /**
   * `value`: as it is. Of a running total (PT): `rain`, mm since the report before, and `rain-rate`, mm/h between the
   * two. PJ is no source of rain: it begins again at every timed report.
   */
  as: z.enum(['value', 'rain', 'rain-rate']).default('value'),
  /** The total begins again at 0 here. */
  wrapAtMm: z.number().positive().default(100_000),
  mostMmPerHour: z.number().positive().default(400),
})
export type StationSensor = z.infer<typeof StationSensor>

const Func = z
  .string({ error: 'write the function in quotes: "37"' })
  .regex(/^[0-9A-Fa-f]{2}$/, 'a function is two hex digits: "37"')
  .transform(func => func.toUpperCase())

const Ask = z.strictObject({
  func: Func,
  every: Duration,
  /** What follows serial number and time, in hex; function 3A names elements here: `39233812`. */
  parametersHex: z
    .string()
    .regex(/^(?:[0-9A-Fa-f]{2})*$/, 'pairs of hex digits')
    .default(''),
})

const address = z
  .string({ error: 'write the address in quotes: "0012345678"' })
  .regex(/^(?:[0-9A-Fa-f]{8}|[0-9A-Fa-f]{10})$/, 'an address is eight or ten digits: "0012345678"')
  .transform(text => text.toUpperCase().padStart(10, '0'))

const Station = z
  .strictObject({
    station: address,
    /** When given, frames with another key are refused. */
    password: z
      .string({ error: 'write the key in quotes: "1234"' })
      .regex(/^[0-9A-Fa-f]{4}$/, 'a key is four hex digits: "1234"')
      .transform(text => text.toUpperCase())
      .optional(),
    /** Whether reports are confirmed: yes for modes M2 and M3, no for M1. */
    confirm: z.boolean().default(true),
    /** EOT lets the station go after a report, ESC keeps it on line for ten minutes more. */
    confirmWith: z.enum(['EOT', 'ESC']).default('EOT'),
    /** Questions that the centre asks from time to time (mode M4). */
    ask: z.array(Ask).default([]),
    /** Functions that change something at the station and may be sent. None unless named here. */
    allow: z.array(Func).default([]),
    place: z.string().optional(),
    note: z.string().optional(),
    sensors: z.array(StationSensor).min(1),
  })
  .superRefine(({ ask, allow }, context) => {
    for (const [at, { func }] of ask.entries()) {
      if (mayAsk(func, allow)) continue
      const { name } = functionFacts(func)
      const message = `function ${func} (${name}) is sent only when the station's "allow" names it: allow: ["${func}"]`
      context.addIssue({ code: 'custom', path: ['ask', at, 'func'], message })
    }
    for (const [at, func] of allow.entries()) {
      if (changingFuncs.includes(func)) continue
      const message = `function ${func} changes nothing; "allow" is for ${changingFuncs.join(', ')}`
      context.addIssue({ code: 'custom', path: ['allow', at], message })
    }
  })
export type StationProfile = z.infer<typeof Station>

/** The one rule of what may be sent to a station: questions, and what its `allow` names. */
export function mayAsk(func: string, allow: readonly string[]): boolean {
  return queryFuncs.has(func) || (functionFacts(func).changes && allow.includes(func))
}

export const Sl651Profile = z
  .strictObject({
    source: z.literal('sl651'),
    ...profileFields,
    listen: Listen,
    /** When given, frames to another centre are refused. */
    center: z.number().int().min(0).max(255).optional(),
    stations: z.array(Station).min(1),
  })
  .superRefine(({ stations }, context) => {
    const seen = new Set<string>()
    for (const [at, { station }] of stations.entries()) {
      if (seen.has(station)) {
        context.addIssue({ code: 'custom', path: ['stations', at, 'station'], message: `${station} is there twice` })
      }
      seen.add(station)
    }
  })
export type Sl651Profile = z.infer<typeof Sl651Profile>
