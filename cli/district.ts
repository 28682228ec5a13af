/**
 * The district that the settings name, as the house itself finds it: read from a file, or made from the seed.
 */
import type { District } from '@forewarn/contracts/district'
import { readDistrictFile } from '@forewarn/deploy/district-file'
import type { Settings } from '@forewarn/runtime/settings'

/** Throws StartError when the district file cannot be used. */
export async function districtFor(settings: Settings): Promise<District> {
  if (settings.district !== undefined) return (await readDistrictFile(settings.district)).district
  const { makeDistrict } = await import('@forewarn/simulators/make-district')
  return makeDistrict({ seed: settings.seed }).district
}
