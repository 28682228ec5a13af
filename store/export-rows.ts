/**
 * Readings as text for other programs: line protocol as our own InfluxDB store writes it, and CSV. Pure.
 */
import { seriesOf, tagOf } from './influx/lines.ts'
import type { SeriesPoint } from './reading-store.ts'

export const exportFormats = ['line-protocol', 'csv', 'parquet'] as const
export type ExportFormat = (typeof exportFormats)[number]

/** Hourly figures of readings that were deleted stand under this measurement. */
export const hourlyMeasurement = 'reading_hourly'

/**
 * One point as line protocol, times in ns. The time of arrival is not kept with a series: the measured time stands
 * for it, so that a database made from these lines can be a house's store.
 */
export function lineOf(sensorId: string, { atMs, min, mean, max, count, quality }: SeriesPoint): string {
  const time = `${Math.round(atMs)}000000`
  if (count > 1) {
    const tag = tagOf(sensorId).replace(/[,= ]/g, character => `\\${character}`)
    const values = Number.isFinite(mean) ? `,min=${min},mean=${mean},max=${max}` : ''
    const valued = Number.isFinite(mean) ? count : 0
    return `${hourlyMeasurement},s=${tag},p=0 n=${count}i,m=${valued}i,q=${quality}i${values} ${time}`
  }
  const value = Number.isFinite(mean) ? `v=${mean},` : ''
  return `${seriesOf(sensorId)} ${value}q=${quality}i,r=${Math.round(atMs)}i ${time}`
}

export const csvHeader = 'sensor,time,value,quality,count,min,max'

/** One point as a line of CSV (RFC 4180), its time in ISO 8601; no value is an empty field. */
export function csvLineOf(sensorId: string, { atMs, min, mean, max, count, quality }: SeriesPoint): string {
  const figures = [mean, quality, count, min, max].map(figure => (Number.isFinite(figure) ? String(figure) : ''))
  return [csvField(sensorId), new Date(atMs).toISOString(), ...figures].join(',')
}

function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
