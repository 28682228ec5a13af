/**
 * The HTTP wire of `rules`: what the console and tools may ask it.
 *
 *   GET /forecasts/:placeId → PlaceForecast, 404 for a place no rule forecasts
 *   GET /conditions         → PlaceCondition[] (every place that a rule watches)
 *   GET /health             → ProcessHealth
 */
import { z } from 'zod'
import { Forecast } from './episode.ts'
import { Condition } from './level.ts'

export const PlaceForecast = z.object({ placeId: z.string(), forecast: Forecast.optional() })
export type PlaceForecast = z.infer<typeof PlaceForecast>

export const PlaceCondition = z.object({
  placeId: z.string(),
  hazard: z.string(),
  condition: Condition,
  atMs: z.number(),
})
export type PlaceCondition = z.infer<typeof PlaceCondition>
