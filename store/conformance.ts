/**
 * What every store must keep, told as tests: called by the test of each store with a way to open it. Opening twice
 * with the same `place` must find what was written the first time.
 */
import { qualityCode, qualityFlag } from '@forewarn/contracts/reading'
import { afterEach, describe, expect, test } from 'vitest'
import type { ReadingStore } from './reading-store.ts'
import { allTimes, batchOf, exact, four, hourMs, sensorsNamed, sixMs } from './sample-readings.ts'

export interface Opening {
  /** Names what is kept together; a store opened there again has it. */
  readonly place: string
  readonly sensors: readonly { readonly id: string }[]
}

type OpenStore = (opening: Opening) => Promise<ReadingStore>

const parts = {
  'what is kept': keeping,
  'one row for each sensor and time': oneRow,
  'the newest reading': newest,
  'charts and counts': charts,
  'letting go': lettingGo,
}
export type ConformancePart = keyof typeof parts

/** The suite, or `only` some parts of it. `kind` names the store; `open` opens it. */
export function storeConformance(kind: string, open: OpenStore, only?: readonly ConformancePart[]): void {
  let opened: ReadingStore[] = []
  let places = 0
  const openHere = async (opening: Partial<Opening> = {}) => {
    const store = await open({ place: `conformance-${++places}`, sensors: four, ...opening })
    opened.push(store)
    return store
  }
  afterEach(async () => {
    for (const store of opened) await store.close()
    opened = []
  })
  for (const [part, tell] of Object.entries(parts)) {
    if (only === undefined || only.some(wanted => wanted === part)) describe(`${kind}: ${part}`, () => tell(openHere))
  }
}

type OpenHere = (opening?: Partial<Opening>) => Promise<ReadingStore>

function keeping(open: OpenHere): void {
  test('a reading comes back with both times, its value and its quality byte', async () => {
    const store = await open()
    const quality = qualityCode.suspect | qualityFlag.backlog
    await store.write([batchOf([[2, 1500, -0.125]], { quality, receivedAtMs: sixMs + 2750 })])
    expect(await store.range({ sensor: 2, ...allTimes })).toEqual([exact(1500, -0.125, quality)])
    expect(await store.latest([2])).toEqual([
      { sensor: 2, measuredAtMs: sixMs + 1500, receivedAtMs: sixMs + 2750, value: -0.125, quality },
    ])
  })

  test('a reading measured after it was received, by a clock that is fast, keeps both times', async () => {
    const store = await open()
    await store.write([batchOf([[0, 60_000, 1]], { receivedAtMs: sixMs })])
    expect(await store.latest([0])).toEqual([
      { sensor: 0, measuredAtMs: sixMs + 60_000, receivedAtMs: sixMs, value: 1, quality: 0 },
    ])
  })

  test('a reading without a value is kept as one', async () => {
    const store = await open()
    await store.write([batchOf([[0, 0, Number.NaN]], { quality: qualityCode.missing })])
    expect(await store.range({ sensor: 0, ...allTimes })).toEqual([exact(0, Number.NaN, qualityCode.missing)])
    expect(await store.count()).toBe(1)
  })

  test('very large and very small values come back as they were', async () => {
    const store = await open()
    const values = [1.7976931348623157e308, 5e-324, -1e21, 1e-7, 0.1 + 0.2, 123456789.123456789]
    await store.write([batchOf(values.map((value, i) => [0, i, value] as const))])
    const points = await store.range({ sensor: 0, ...allTimes })
    expect(points.map(point => point.mean)).toEqual(values)
  })

  test('an empty store has nothing, and says so without an error', async () => {
    const store = await open()
    expect(await store.range({ sensor: 0, ...allTimes })).toEqual([])
    expect(await store.range({ sensor: 0, ...allTimes, maxPoints: 10 })).toEqual([])
    expect(await store.latest(undefined)).toEqual([])
    expect(await store.latest([])).toEqual([])
    expect(await store.count()).toBe(0)
    await store.retain({ olderThanMs: sixMs })
    await store.write([batchOf([])])
    expect(await store.count(allTimes)).toBe(0)
  })

  test('opened again with the sensors in another order, it has everything, newest readings too', async () => {
    const first = await open({ place: 'reopened' })
    await first.write([
      batchOf([
        [0, 0, 1],
        [1, 0, 2],
        [1, 5000, 3],
      ]),
    ])
    await first.close()
    const moved = sensorsNamed('new-one', 'gauge-2', 'gauge-1')
    const second = await open({ place: 'reopened', sensors: moved })
    expect(await second.count()).toBe(3)
    expect(await second.range({ sensor: 1, ...allTimes })).toEqual([exact(0, 2), exact(5000, 3)])
    const latest = await second.latest(undefined)
    expect(latest.map(({ sensor, value }) => [sensor, value]).sort()).toEqual([
      [1, 3],
      [2, 1],
    ])
    await second.write([
      batchOf([
        [0, 0, 9],
        [2, 0, 7],
      ]),
    ])
    expect(await second.count()).toBe(4)
    expect(await second.range({ sensor: 2, ...allTimes })).toEqual([exact(0, 7)])
  })

  test('ids with odd characters stay apart', async () => {
    const ids = [
      'a b',
      'a,b',
      'a=b',
      'a\\',
      "o'clock",
      '"q"',
      '水位-1',
      'a\nb',
      'a%0Ab',
      'a\\\\',
      ' ',
      '{}',
      "'; DROP--",
    ]
    const store = await open({ sensors: sensorsNamed(...ids) })
    await store.write([batchOf(ids.map((_, sensor) => [sensor, 0, sensor] as const))])
    for (const sensor of ids.keys()) {
      expect(await store.range({ sensor, ...allTimes }), ids[sensor]).toEqual([exact(0, sensor)])
    }
    const latest = await store.latest(undefined)
    expect(latest.map(({ sensor, value }) => value - sensor)).toEqual(ids.map(() => 0))
  })

  test('a sensor that is not in the registry is refused, and nothing of its batch is kept', async () => {
    const store = await open()
    await expect(
      store.write([
        batchOf([
          [0, 0, 1],
          [99, 0, 1],
        ]),
      ]),
    ).rejects.toThrow(RangeError)
    expect(await store.count()).toBe(0)
  })

  test('after closing, it takes nothing and says that it is closed; closing again is harmless', async () => {
    const store = await open()
    await store.close()
    await store.close()
    await expect(store.write([batchOf([[0, 0, 1]])])).rejects.toMatchObject({ code: 'store-closed' })
    expect((await store.health()).map(check => check.status)).toEqual(['failed'])
  })
}

function oneRow(open: OpenHere): void {
  test('the same reading twice is one row: in a batch, in a write, in the next write', async () => {
    const store = await open()
    const twice = batchOf([
      [0, 0, 1],
      [0, 1000, 2],
      [0, 0, 1],
    ])
    await store.write([twice, twice])
    await store.write([twice])
    expect(await store.count()).toBe(2)
    expect(await store.range({ sensor: 0, ...allTimes })).toEqual([exact(0, 1), exact(1000, 2)])
  })

  test('the last one written wins, whenever the first came', async () => {
    const store = await open()
    await store.write([
      batchOf([
        [0, 0, 1],
        [0, 1000, 2],
        [1, 0, 5],
        [0, 0, 3],
      ]),
    ])
    await store.write([batchOf([[0, 1000, 4]]), batchOf([[0, 1000, 6]])])
    expect(await store.range({ sensor: 0, ...allTimes })).toEqual([exact(0, 3), exact(1000, 6)])
    expect(await store.count()).toBe(3)
    await store.write([batchOf([[0, 0, 7]])])
    expect(await store.range({ sensor: 0, ...allTimes })).toEqual([exact(0, 7), exact(1000, 6)])
    expect(await store.count()).toBe(3)
  })

  test('after a restart, a repeat is still one row', async () => {
    const batch = batchOf([
      [0, 0, 1],
      [1, 0, 2],
      [0, 1000, 3],
    ])
    const first = await open({ place: 'restarted' })
    await first.write([batch])
    await first.close()
    const second = await open({ place: 'restarted' })
    await second.write([batch, batchOf([[0, 0, 8]])])
    expect(await second.count()).toBe(3)
    expect(await second.range({ sensor: 0, ...allTimes })).toEqual([exact(0, 8), exact(1000, 3)])
  })

  test('late and shuffled readings, over several days and with repeats, end as if they had come in order', async () => {
    const store = await open()
    const rows = Array.from({ length: 3000 }, (_, i) => [i % 3, Math.floor(i / 3) * 300_000, i] as const)
    const shuffled = rows.toSorted((a, b) => ((a[2] * 7919) % 3001) - ((b[2] * 7919) % 3001))
    for (let from = 0; from < rows.length; from += 500) {
      const old = shuffled.slice(Math.max(0, from - 100), from)
      await store.write([batchOf(shuffled.slice(from, from + 500)), batchOf(old)])
    }
    expect(await store.count()).toBe(3000)
    const points = await store.range({ sensor: 1, ...allTimes })
    expect(points).toEqual(rows.filter(([sensor]) => sensor === 1).map(([, afterMs, value]) => exact(afterMs, value)))
  })
}

function newest(open: OpenHere): void {
  test('late readings do not become the newest, and overwriting the newest changes it', async () => {
    const store = await open()
    await store.write([
      batchOf([
        [0, 5000, 1],
        [1, 5000, 1],
      ]),
    ])
    await store.write([
      batchOf([
        [0, 1000, 2],
        [1, 5000, 3],
      ]),
    ])
    const latest = await store.latest([1, 0])
    expect(
      latest.toSorted((a, b) => a.sensor - b.sensor).map(({ measuredAtMs, value }) => [measuredAtMs - sixMs, value]),
    ).toEqual([
      [5000, 1],
      [5000, 3],
    ])
  })

  test('only the sensors that were asked for, and only those that spoke', async () => {
    const store = await open()
    await store.write([
      batchOf([
        [0, 0, 1],
        [3, 0, 2],
      ]),
    ])
    expect((await store.latest([3, 2])).map(({ sensor }) => sensor)).toEqual([3])
    expect((await store.latest(undefined)).map(({ sensor }) => sensor).sort()).toEqual([0, 3])
  })
}

function charts(open: OpenHere): void {
  test('a range holds its beginning and not its end', async () => {
    const store = await open()
    await store.write([
      batchOf([
        [0, 0, 1],
        [0, 1000, 2],
        [0, 2000, 3],
      ]),
    ])
    const range = { fromMs: sixMs, toMs: sixMs + 2000 }
    expect(await store.range({ sensor: 0, ...range })).toEqual([exact(0, 1), exact(1000, 2)])
    expect(await store.count(range)).toBe(2)
    expect(await store.count({ fromMs: sixMs + 1, toMs: sixMs + 1000 })).toBe(0)
  })

  test('a range that ends where it begins, or before, is empty', async () => {
    const store = await open()
    await store.write([
      batchOf([
        [0, 0, 1],
        [0, 1000, 2],
      ]),
    ])
    for (const toMs of [sixMs, sixMs - hourMs]) {
      expect(await store.range({ sensor: 0, fromMs: sixMs, toMs })).toEqual([])
      expect(await store.range({ sensor: 0, fromMs: sixMs, toMs, maxPoints: 1 })).toEqual([])
      expect(await store.count({ fromMs: sixMs, toMs })).toBe(0)
    }
  })

  test('a chart of all times there are is answered', async () => {
    const store = await open()
    await store.write([
      batchOf([
        [0, 0, 1],
        [0, 1000, 2],
        [0, 2000, 6],
      ]),
    ])
    const ever = { sensor: 0, fromMs: Number.NEGATIVE_INFINITY, toMs: Number.POSITIVE_INFINITY }
    expect(await store.range(ever)).toHaveLength(3)
    expect((await store.range({ ...ever, maxPoints: 1 })).map(({ mean, count }) => [mean, count])).toEqual([[3, 3]])
  })

  test('more readings than points are shown as min, mean and max of equal buckets; a gap stays a gap', async () => {
    const store = await open()
    const minutes = [...Array(20).keys(), ...Array.from({ length: 20 }, (_, i) => 40 + i)]
    await store.write([batchOf(minutes.map(minute => [0, minute * 60_000, minute] as const))])
    const range = { sensor: 0, fromMs: sixMs, toMs: sixMs + hourMs }
    expect(await store.range({ ...range, maxPoints: 40 })).toHaveLength(40)
    const points = await store.range({ ...range, maxPoints: 6 })
    const bucket = (minute: number) => ({ min: minute, mean: minute + 4.5, max: minute + 9 })
    expect(points).toEqual(
      [0, 10, 40, 50].map(minute => ({ atMs: sixMs + minute * 60_000, ...bucket(minute), count: 10, quality: 0 })),
    )
  })

  test('a bucket shows the highest quality code in it, without flags, and leaves readings without a value out of its figures', async () => {
    const store = await open()
    await store.write([
      batchOf(
        [
          [0, 0, 4],
          [0, 1000, 8],
        ],
        { quality: qualityFlag.clockReplaced },
      ),
    ])
    await store.write([batchOf([[0, 2000, Number.NaN]], { quality: qualityCode.missing | qualityFlag.backlog })])
    expect(await store.range({ sensor: 0, fromMs: sixMs, toMs: sixMs + 3000, maxPoints: 1 })).toEqual([
      { atMs: sixMs, min: 4, mean: 6, max: 8, count: 3, quality: qualityCode.missing },
    ])
  })

  test('a range that begins between two buckets of the clock still starts its first bucket there', async () => {
    const store = await open()
    await store.write([batchOf(Array.from({ length: 10 }, (_, i) => [0, 7 + i * 10, i] as const))])
    const points = await store.range({ sensor: 0, fromMs: sixMs + 7, toMs: sixMs + 107, maxPoints: 2 })
    expect(points.map(({ atMs, count }) => [atMs - sixMs, count])).toEqual([
      [7, 5],
      [57, 5],
    ])
  })
}

function lettingGo(open: OpenHere): void {
  test('readings before the hour go, the others stay; doing it twice changes nothing', async () => {
    const store = await open()
    await store.write([
      batchOf([
        [0, -30 * hourMs, 1],
        [0, -1, 2],
        [0, 0, 3],
        [0, 1000, 4],
        [1, -1, 5],
      ]),
    ])
    for (const repeat of ['once', 'twice']) {
      await store.retain({ olderThanMs: sixMs + hourMs / 2 })
      expect(await store.count(), repeat).toBe(2)
      expect(await store.range({ sensor: 0, fromMs: sixMs, toMs: sixMs + hourMs })).toEqual([
        exact(0, 3),
        exact(1000, 4),
      ])
      expect((await store.latest(undefined)).map(({ sensor, value }) => [sensor, value])).toEqual([[0, 4]])
    }
  })

  test('after letting go, new readings are taken, late ones too', async () => {
    const store = await open()
    await store.write([
      batchOf([
        [0, 0, 1],
        [0, hourMs, 2],
      ]),
    ])
    await store.retain({ olderThanMs: sixMs + hourMs })
    await store.write([
      batchOf([
        [0, 2 * hourMs, 3],
        [0, hourMs + 5, 4],
        [0, hourMs, 9],
      ]),
    ])
    expect(await store.range({ sensor: 0, fromMs: sixMs + hourMs, toMs: sixMs + 3 * hourMs })).toEqual([
      exact(hourMs, 9),
      exact(hourMs + 5, 4),
      exact(2 * hourMs, 3),
    ])
    expect(await store.count()).toBe(3)
  })
}
