/** The recordings that come with Forewarn, and the sites they were recorded at. */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Text } from '@forewarn/contracts/text'
import { z } from 'zod'

const folder = new URL('storms/', import.meta.url)

const ShippedStorm = z.object({
  /** As `readRecording` takes it. */
  name: z.string(),
  layout: z.enum(['clean', 'sensor', 'observed']),
  title: Text,
  catchment: z.string(),
  sites: z.number().int(),
  /** Sites where water stood 0.15 m deep or more. */
  floodedSites: z.number().int(),
  minutes: z.number().int(),
  rainMm: z.number().nullable(),
  peakRainMmPerHour: z.number().nullable(),
  peakDepthM: z.number(),
})
export type ShippedStorm = z.infer<typeof ShippedStorm>

const Site = z
  .object({
    site: z.string(),
    catchment: z.string(),
    kind: z.enum(['road', 'underpass']),
    sensor: z.enum(['road', 'manhole']),
    periodS: z.number(),
    manholeDepthM: z.number(),
  })
  .transform(({ site, catchment, kind, sensor, periodS, manholeDepthM }) => ({
    id: site,
    catchment,
    kind: kind === 'road' ? ('low-road' as const) : ('underpass' as const),
    quantity: sensor === 'road' ? ('water_depth' as const) : ('manhole_level' as const),
    periodS,
    manholeDepthM,
  }))
export type KnownSite = z.output<typeof Site>

function readShipped<Schema extends z.ZodType>(name: string, schema: Schema): z.output<Schema> {
  return schema.parse(JSON.parse(readFileSync(new URL(name, folder), 'utf8')))
}

/** The 44 sites whose drainage models the shipped forecast model was calibrated on, by id. */
export const knownSites: ReadonlyMap<string, KnownSite> = new Map(
  readShipped('sites.json', z.array(Site)).map(site => [site.id, site]),
)

/** The shipped recordings, for a list to choose from. */
export function listStorms(): ShippedStorm[] {
  return readShipped('storms.json', z.array(ShippedStorm))
}

/** The file of a shipped recording, or undefined when there is none of that name. */
export function stormPath(name: string): string | undefined {
  if (!/^[\w.-]+$/.test(name)) return undefined
  const path = fileURLToPath(new URL(`${name}.jsonl.gz`, folder))
  return existsSync(path) ? path : undefined
}
