/** Which quantity the numbers of a warning are about. */
import type { Warning } from '@forewarn/contracts/warning'
import { series } from './charts.ts'

/** What the numbers of a warning are about: what its rule watched, else what its place measures. */
export function quantityOf(warning: Warning): string {
  const watched = warning.evidence.readings.find(reading => reading.quantity !== 'rain')?.quantity
  const drawn = series.value?.placeId === warning.placeId ? series.value.series?.quantity : undefined
  return watched ?? drawn ?? ''
}
