/**
 * An Observation of OGC SensorThings 1.1 as it is sent to be created: what was observed, when, and for which stream.
 */
import { z } from 'zod'

const instant = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})$/

function isInstant(text: string): boolean {
  return instant.test(text) && !Number.isNaN(Date.parse(text))
}

function isInterval(text: string): boolean {
  const [from = '', until = '', ...more] = text.split('/')
  return more.length === 0 && isInstant(from) && isInstant(until) && Date.parse(from) <= Date.parse(until)
}

const Instant = z.string().refine(isInstant, 'no ISO 8601 time with its zone')
const Interval = z.string().refine(isInterval, 'no interval from/until of ISO 8601 times')
const InstantOrInterval = z
  .string()
  .refine(text => isInstant(text) || isInterval(text), 'neither a time nor an interval')

const Id = z.union([z.string().min(1), z.number().int()])
const Reference = z.looseObject({ '@iot.id': Id })

/** Strict: a property that the standard does not know is a mistake of the sender. */
const Observation = z.strictObject({
  '@iot.id': Id.optional(),
  '@iot.selfLink': z.string().optional(),
  phenomenonTime: InstantOrInterval.optional(),
  resultTime: Instant.nullable().optional(),
  result: z.unknown(),
  resultQuality: z.unknown().optional(),
  validTime: Interval.optional(),
  parameters: z.record(z.string(), z.unknown()).optional(),
  Datastream: Reference.optional(),
  FeatureOfInterest: Reference.optional(),
})

export interface Observation {
  readonly datastream?: string | number
  readonly featureOfInterest?: string | number
  readonly phenomenonTime?: string
  readonly resultTime?: string
  readonly validTime?: string
  readonly resultQuality?: unknown
  readonly parameters?: Readonly<Record<string, unknown>>
  readonly result: unknown
}

/** Reads an observation. Returns a sentence about what is wrong when it is none. */
export function parseObservation(json: unknown): Observation | string {
  const parsed = Observation.safeParse(json)
  if (!parsed.success) {
    const [first] = parsed.error.issues
    return `${first?.path.join('.') || 'the observation'}: ${first?.message ?? 'not as expected'}`
  }
  const { Datastream, FeatureOfInterest, phenomenonTime, resultTime, validTime, result } = parsed.data
  const { resultQuality, parameters } = parsed.data
  if (result === undefined) return 'result: missing'
  return {
    ...(Datastream === undefined ? {} : { datastream: Datastream['@iot.id'] }),
    ...(FeatureOfInterest === undefined ? {} : { featureOfInterest: FeatureOfInterest['@iot.id'] }),
    ...(phenomenonTime === undefined ? {} : { phenomenonTime }),
    ...(resultTime === undefined || resultTime === null ? {} : { resultTime }),
    ...(validTime === undefined ? {} : { validTime }),
    ...(resultQuality === undefined ? {} : { resultQuality }),
    ...(parameters === undefined ? {} : { parameters }),
    result,
  }
}
