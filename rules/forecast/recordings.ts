/**
 * Recorded storms, as calibration reads them: JSON lines, gzipped or not. One file holds what really happened
 * (rain and levels every minute), its twin what the sensors said of it.
 */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { z } from 'zod'
import { CatchmentRain, minuteOf } from './catchment-rain.ts'

const TruthLine = z.object({
  event: z.string(),
  catchment: z.string(),
  start: z.string(),
  step_s: z.literal(60),
  rain_mm_h: z.array(z.number()),
  lvl_mm: z.record(z.string(), z.array(z.number().nullable())),
})

const SensorLine = z.object({
  event: z.string(),
  catchment: z.string(),
  start: z.string(),
  sensors: z.record(
    z.string(),
    z.object({ ts: z.array(z.number()), rx: z.array(z.number()), v: z.array(z.number().nullable()) }),
  ),
})

/** One sensor's messages in order of arrival; times in ms after the storm's start. */
export interface SensorTrack {
  readonly name: string
  readonly measuredMs: readonly number[]
  readonly receivedMs: readonly number[]
  readonly value: readonly (number | null)[]
}

export interface Storm {
  readonly event: string
  readonly catchment: string
  readonly startMs: number
  /** As the gauges told it, mm/h, minute by minute; index 0 is the first minute. */
  readonly rainMmPerHour: Float64Array
  /** What really stood there, m relative to the road, by place; NaN when nobody knows. */
  readonly levelM: ReadonlyMap<string, Float32Array>
  readonly tracks: readonly SensorTrack[]
}

export interface StormFiles {
  readonly truthFile: string
  readonly sensorFile: string
}

/** Reads storms and pairs truth with what the sensors said. Throws (with the file's name) when a line is not one. */
export function readStorms({ truthFile, sensorFile }: StormFiles): Storm[] {
  const heard = new Map(readLines(sensorFile, SensorLine).map(line => [line.event, line]))
  return readLines(truthFile, TruthLine).map(line => {
    const tracks = tracksOf(heard.get(line.event)?.sensors ?? {})
    const minutes = line.rain_mm_h.length
    return {
      event: line.event,
      catchment: line.catchment,
      startMs: Date.parse(line.start),
      rainMmPerHour: tracks.length > 0 ? gaugedRain(tracks, minutes) : Float64Array.from(line.rain_mm_h),
      levelM: new Map(
        Object.entries(line.lvl_mm).map(([site, mm]) => [site, Float32Array.from(mm, x => (x ?? Number.NaN) / 1000)]),
      ),
      tracks,
    }
  })
}

function readLines<Schema extends z.ZodType>(file: string, schema: Schema): z.output<Schema>[] {
  const bytes = readFileSync(file)
  const text = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8')
  const lines = text.split('\n').filter(line => line !== '')
  return lines.map((line, index) => {
    const parsed = schema.safeParse(JSON.parse(line))
    if (parsed.success) return parsed.data
    throw new Error(`${file}, line ${index + 1}: ${parsed.error.message}`)
  })
}

function tracksOf(sensors: z.output<typeof SensorLine>['sensors']): SensorTrack[] {
  return Object.entries(sensors).map(([name, { ts, rx, v }]) => ({ name, measuredMs: ts, receivedMs: rx, value: v }))
}

/** Rain through the same eyes as the live forecast: several gauges, gaps filled. */
function gaugedRain(tracks: readonly SensorTrack[], minutes: number): Float64Array {
  const gauges = tracks.filter(({ name }) => name.endsWith('.rain_mm'))
  const rain = new CatchmentRain(gauges.length)
  const out = new Float64Array(minutes)
  const cursor = gauges.map(() => 0)
  // Minute by minute, because the memory of rain reaches back only four hours.
  for (let minute = 1; minute <= minutes; minute++) {
    for (const [gauge, track] of gauges.entries()) {
      let at = cursor[gauge] ?? 0
      while (at < track.measuredMs.length && minuteOf(track.measuredMs[at] ?? 0) <= minute + 10) {
        const mm = track.value[at]
        if (mm != null) rain.take({ gauge, measuredAtMs: track.measuredMs[at] ?? 0, mm, periodS: 60 })
        at += 1
      }
      cursor[gauge] = at
    }
    out[minute - 1] = rain.filledAt(minute)
  }
  return out
}
