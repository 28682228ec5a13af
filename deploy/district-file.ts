/**
 * The district a house serves: read from a file that the district writes, or made up from a seed.
 */
import { readFile } from 'node:fs/promises'
import { District } from '@forewarn/contracts/district'
import { MapLayers, RoadGraph } from '@forewarn/contracts/geography'
import { z } from 'zod'
import { StartError } from './start-error.ts'

/** What `--district` names: the registry, and if there are any, the map under it and the roads for its trucks. */
export const DistrictFile = z.object({
  district: District,
  mapLayers: MapLayers.default({ attribution: '', layers: [] }),
  roadGraph: RoadGraph.default({ nodes: [], edges: [] }),
})
export type DistrictFile = z.infer<typeof DistrictFile>

/** Reads a district file. Throws StartError with the place in the file for what is wrong in it. */
export async function readDistrictFile(file: string): Promise<DistrictFile> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new StartError('bad-district', `district file ${file} cannot be read`, { cause })
  })
  const parsed = DistrictFile.safeParse(jsonOf(text, file))
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw new StartError(
    'bad-district',
    `district file ${file}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not usable'}`,
  )
}

function jsonOf(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new StartError('bad-district', `district file ${file} is no JSON: ${String(cause)}`, { cause })
  }
}
