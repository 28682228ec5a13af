import { fileURLToPath } from 'node:url'
import type { District, Place } from '@forewarn/contracts/district'
import { Forecast } from '@forewarn/contracts/episode'
import { describe, expect, test } from 'vitest'
import { startMs, testDistrict } from '../test-district.ts'
import { calibratePlace, costOf } from './calibrate.ts'
import { CatchmentRain } from './catchment-rain.ts'
import { defaultShape, drawEnsemble } from './ensemble.ts'
import { Forecaster } from './forecaster.ts'
import { parametersFor, readModelFile } from './model-file.ts'
import { depthM, emptyReservoir, type ReservoirParameters, runMinute, storedMmAt } from './reservoir.ts'

const model = readModelFile(fileURLToPath(new URL('../models/rain-to-depth.json', import.meta.url)))
const minuteMs = 60_000
const startMinute = startMs / minuteMs

function forecasterWith(district: District): Forecaster {
  return new Forecaster({ district, model, placeIds: new Set(district.places.map(({ id }) => id)) })
}

/** Both gauges say the same, minute by minute. */
function rainOn(forecaster: Forecaster, mmPerMinute: readonly number[]): void {
  for (const [index, mm] of mmPerMinute.entries()) {
    const minute = startMinute + index + 1
    for (const gauge of [2, 3]) forecaster.takeRain(gauge, minute * minuteMs, mm)
    forecaster.run(minute)
  }
}

const minutesOf = (count: number, mm: number) => Array.from({ length: count }, () => mm)
const hourMs = 60 * minuteMs

describe('the forecast', () => {
  test('a cloudburst raises the chance, its end lowers it, dry weather has none', () => {
    const forecaster = forecasterWith(testDistrict)
    rainOn(forecaster, minutesOf(10, 0))
    expect(forecaster.probability('steep-01', 0.15, hourMs)).toBe(0)
    expect(forecaster.kindAt('steep-01')).toBe('dry')
    rainOn(forecaster, [...minutesOf(10, 0), ...minutesOf(14, 1.6)])
    const during = forecaster.probability('steep-01', 0.15, hourMs)
    expect(during).toBeGreaterThan(0.4)
    expect(forecaster.probability('steep-01', 0.4, hourMs)).toBeLessThan(during)
    expect(forecaster.probability('steep-01', 0.15, 2 * minuteMs)).toBeLessThan(during)
  })

  test('what goes on the wire fits the contract: fan in order, band in order, numbers in both languages', () => {
    const forecaster = forecasterWith(testDistrict)
    rainOn(forecaster, minutesOf(20, 1.5))
    const forecast = Forecast.parse(forecaster.forecastOf('steep-01', hourMs))
    for (const [index, p50] of forecast.p50.entries()) {
      expect(forecast.p10[index]).toBeLessThanOrEqual(p50)
      expect(p50).toBeLessThanOrEqual(forecast.p90[index] ?? 0)
    }
    const band = forecast.crossings[0]?.atMs
    expect(band && band.p10 <= band.p50 && band.p50 <= band.p90).toBe(true)
    expect(forecast.explanation.en).toContain('30.0 mm of rain in 30 min, now 90 mm/h')
    expect(forecast.explanation.zh).toContain('近30分钟降雨30.0毫米')
  })

  test('it is the same every time', () => {
    const [one, two] = [forecasterWith(testDistrict), forecasterWith(testDistrict)]
    for (const each of [one, two]) rainOn(each, minutesOf(20, 1.5))
    expect(one.forecastOf('steep-02', hourMs)).toEqual(two.forecastOf('steep-02', hourMs))
    expect(drawEnsemble(defaultShape).factor).toEqual(drawEnsemble(defaultShape).factor)
  })

  test('after a restart it goes on as if there had been none', () => {
    const straight = forecasterWith(testDistrict)
    rainOn(straight, minutesOf(20, 1.5))
    const resumed = forecasterWith(testDistrict)
    resumed.restore(structuredClone(straight.state()))
    expect(resumed.forecastOf('steep-01', hourMs)).toEqual(straight.forecastOf('steep-01', hourMs))
  })

  test('without fresh rain it says so, and gives no number', () => {
    const forecaster = forecasterWith(testDistrict)
    rainOn(forecaster, minutesOf(20, 1.5))
    forecaster.run(startMinute + 30)
    expect(forecaster.probability('steep-01', 0.15, hourMs)).toBeNaN()
    const forecast = forecaster.forecastOf('steep-01', hourMs)
    expect(forecast?.leadMin).toEqual([])
    expect(forecast?.explanation.en).toMatch(/No rain gauge has spoken for 10 min/)
  })

  test('water seen on the road draws the model up; one spike does not', () => {
    const depthNow = (levels: readonly number[]) => {
      const forecaster = forecasterWith(testDistrict)
      for (const [index, level] of levels.entries()) {
        const minute = startMinute + index + 1
        forecaster.takeRain(2, minute * minuteMs, 0.4)
        forecaster.takeLevel('steep-01', minute * minuteMs, level)
        forecaster.run(minute)
      }
      return forecaster.forecastOf('steep-01', hourMs)?.p50[0] ?? 0
    }
    expect(depthNow(minutesOf(10, 0.12))).toBeGreaterThan(0.06)
    expect(depthNow([...minutesOf(9, 0), 1.3])).toBe(0)
  })

  test('64 places take a fraction of the 100 ms that a drill at full speed leaves for a minute', () => {
    const places = Array.from(
      { length: 64 },
      (_, index): Place => ({
        id: `steep-${String((index % 12) + 1).padStart(2, '0')}${index < 12 ? '' : `-${index}`}`,
        kind: 'low-road',
        name: { zh: '点', en: 'point' },
        position: { lon: 121.4, lat: 31.2, crs: 'WGS-84' },
        catchment: 'steep',
        limits: { flooded: 0.15, closed: 0.25, danger: 0.4 },
        stagingPoints: [],
      }),
    )
    const forecaster = forecasterWith({ ...testDistrict, places })
    rainOn(forecaster, minutesOf(30, 1))
    const times = Array.from({ length: 15 }, (_, index) => {
      const minute = startMinute + 31 + index
      forecaster.takeRain(2, minute * minuteMs, 1)
      const before = process.cpuUsage()
      forecaster.run(minute)
      return process.cpuUsage(before).user / 1000
    })
    // Processor time of the quickest run: other tests share the machine.
    expect(Math.min(...times)).toBeLessThan(40)
  })
})

describe('rain on a catchment', () => {
  test('of two gauges the larger counts, of three the median, and a lost minute is filled', () => {
    const two = new CatchmentRain(2)
    two.take({ gauge: 0, measuredAtMs: 60_000, mm: 0.2, periodS: 60 })
    two.take({ gauge: 1, measuredAtMs: 60_000, mm: 0.6, periodS: 60 })
    expect(two.at(1)).toBeCloseTo(36)
    expect(two.at(2)).toBeNaN()
    expect(two.filledAt(2)).toBeCloseTo(36)
    const three = new CatchmentRain(3)
    for (const [gauge, mm] of [0.2, 0.4, 9].entries()) three.take({ gauge, measuredAtMs: 60_000, mm, periodS: 60 })
    expect(three.at(1)).toBeCloseTo(24)
  })

  test('a gauge every five minutes or every ten seconds gives mm/h all the same; twice the same is once', () => {
    const slow = new CatchmentRain(1)
    for (let again = 0; again < 2; again++) slow.take({ gauge: 0, measuredAtMs: 300_000, mm: 5, periodS: 300 })
    expect([1, 3, 5].map(minute => Math.round(slow.at(minute)))).toEqual([60, 60, 60])
    const quick = new CatchmentRain(1)
    for (let s = 10; s <= 60; s += 10) quick.take({ gauge: 0, measuredAtMs: s * 1000, mm: 0.1, periodS: 10 })
    expect(quick.at(1)).toBeCloseTo(36)
  })
})

describe('the reservoir', () => {
  const parameters: ReservoirParameters = {
    firstMin: 3,
    secondMin: 6,
    capacityMmPerHour: 40,
    depthAtOneMm: 0.03,
    depthPower: 0.8,
  }

  test('below its capacity nothing stands; depth and storage are each other’s inverse', () => {
    const state = emptyReservoir()
    for (let minute = 0; minute < 120; minute++) runMinute(state, parameters, 39)
    expect(state.storedMm).toBe(0)
    expect(depthM(parameters, storedMmAt(parameters, 0.27))).toBeCloseTo(0.27)
  })

  test('calibration finds parameters that tell the same storms', () => {
    const rain = Float64Array.from({ length: 120 }, (_, minute) => (minute > 20 && minute < 60 ? 80 : 0))
    const state = emptyReservoir()
    const level = Float32Array.from(rain, mmPerHour => {
      runMinute(state, parameters, mmPerHour)
      return depthM(parameters, state.storedMm)
    })
    const storm = {
      event: 'made',
      catchment: 'c',
      startMs: 0,
      rainMmPerHour: rain,
      levelM: new Map([['p', level]]),
      tracks: [],
    }
    const found = calibratePlace([storm], 'p', { seed: 3, wideTrials: 800, nearTrials: 800 })
    expect(costOf(parameters, rain, level)).toBeCloseTo(0)
    expect(found?.cost).toBeLessThan(0.1)
    expect(calibratePlace([storm], 'elsewhere', { seed: 3, wideTrials: 1, nearTrials: 1 })).toBeUndefined()
  })

  test('a place without storms of its own takes the middle of its catchment, else of all', () => {
    expect(parametersFor(model, { id: 'steep-01', catchment: 'steep' })?.source).toBe('own')
    expect(parametersFor(model, { id: 'new', catchment: 'steep' })?.source).toBe('catchment')
    expect(parametersFor(model, { id: 'new', catchment: 'elsewhere' })?.source).toBe('all')
    expect(Object.keys(model.places)).toHaveLength(44)
  })
})
