/**
 * What the program on this machine may ask of the house as a whole, behind the inner token: a copy of itself.
 */
import { isAbsolute } from 'node:path'
import { type InnerServer, startInnerServer } from '@forewarn/runtime/inner-server'
import type { Log } from '@forewarn/runtime/log'
import type { ReadingStore, SeriesPoint } from '@forewarn/store/reading-store'
import { z } from 'zod'

const PointsQuery = z.object({ sensor: z.string(), fromMs: z.coerce.number(), toMs: z.coerce.number() })

const Numbers = z.array(
  z
    .number()
    .nullable()
    .transform(value => value ?? Number.NaN),
)
const Points = z.object({ atMs: Numbers, min: Numbers, mean: Numbers, max: Numbers, count: Numbers, quality: Numbers })

/** JSON writes NaN as null. */
function columnsOf(points: readonly SeriesPoint[]): z.input<typeof Points> {
  const column = (name: keyof SeriesPoint) => points.map(point => point[name])
  return {
    atMs: column('atMs'),
    min: column('min'),
    mean: column('mean'),
    max: column('max'),
    count: column('count'),
    quality: column('quality'),
  }
}

/** The points in an answer of `GET /points`. Throws for another answer. */
export function pointsIn(answer: unknown): SeriesPoint[] {
  const { atMs, min, mean, max, count, quality } = Points.parse(answer)
  const at = (column: readonly number[], row: number) => column[row] ?? Number.NaN
  return atMs.map((time, row) => ({
    atMs: time,
    min: at(min, row),
    mean: at(mean, row),
    max: at(max, row),
    count: at(count, row),
    quality: at(quality, row),
  }))
}

const Wanted = z.object({ dir: z.string().refine(isAbsolute) })

export interface DoorOptions {
  readonly token: string
  /** Copies the house into this folder, which does not exist yet. */
  readonly snapshot: (dir: string) => Promise<void>
  /** The points of one sensor, as its store's `range` gives them. */
  readonly range: ReadingStore['range']
  /** `District.sensors`. */
  readonly sensors: readonly { readonly id: string }[]
  readonly log: Log
}

/**
 * `POST /snapshot` with `{"dir": "/absolute"}`: answers once the copy is whole. `GET /points?sensor=&fromMs=&toMs=`:
 * what is kept of a sensor, in columns; no value is null.
 */
export function startHouseDoor({ token, snapshot, range, sensors, log }: DoorOptions): Promise<InnerServer> {
  const indexOf = new Map(sensors.map(({ id }, index) => [id, index]))
  return startInnerServer({
    token,
    routes(routes) {
      routes.post('/snapshot', async (request, reply) => {
        const wanted = Wanted.safeParse(request.body)
        if (!wanted.success) return await reply.code(400).send({ title: 'dir must be an absolute path' })
        log.info('snapshot-begun', { dir: wanted.data.dir })
        await snapshot(wanted.data.dir)
        log.info('snapshot-made', { dir: wanted.data.dir })
        return {}
      })
      routes.get('/points', async (request, reply) => {
        const wanted = PointsQuery.safeParse(request.query)
        const sensor = wanted.success ? indexOf.get(wanted.data.sensor) : undefined
        if (!wanted.success || sensor === undefined) return await reply.code(400).send({ title: 'no such points' })
        const { fromMs, toMs } = wanted.data
        return columnsOf(await range({ sensor, fromMs, toMs }))
      })
    },
  })
}
