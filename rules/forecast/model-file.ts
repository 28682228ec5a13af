/**
 * The file that carries a calibrated model: numbers per place, and which version they are.
 */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { medianParameters } from './calibrate.ts'
import type { ReservoirParameters } from './reservoir.ts'

const Parameters = z.object({
  firstMin: z.number().positive(),
  secondMin: z.number().positive(),
  capacityMmPerHour: z.number().positive(),
  depthAtOneMm: z.number().positive(),
  depthPower: z.number().positive(),
})

export const ModelFile = z.object({
  model: z.literal('rain-to-depth'),
  modelVersion: z.string().min(1),
  /** By place id: its parameters and the catchment it was calibrated in. */
  places: z.record(z.string(), Parameters.extend({ catchment: z.string() })),
})
export type ModelFile = z.infer<typeof ModelFile>

/** Reads a model file. Throws with its name when it is missing or not one. */
export function readModelFile(file: string): ModelFile {
  try {
    return ModelFile.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch (cause) {
    throw new Error(`read the forecast model ${file}`, { cause })
  }
}

/** Where a place's parameters come from: its own storms, its catchment's middle, or the middle of all. */
export type ParameterSource = 'own' | 'catchment' | 'all'

export interface PlaceParameters {
  readonly parameters: ReservoirParameters
  readonly source: ParameterSource
}

/** The parameters to use for a place. Undefined only for a model without any place. */
export function parametersFor(
  model: ModelFile,
  place: { readonly id: string; readonly catchment?: string | undefined },
): PlaceParameters | undefined {
  const own = model.places[place.id]
  if (own !== undefined) return { parameters: own, source: 'own' }
  const all = Object.values(model.places)
  const near = all.filter(({ catchment }) => catchment === place.catchment)
  if (near.length > 0) return { parameters: medianParameters(near), source: 'catchment' }
  return all.length > 0 ? { parameters: medianParameters(all), source: 'all' } : undefined
}
