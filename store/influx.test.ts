import { afterAll, beforeAll, describe } from 'vitest'
import { storeConformance } from './conformance.ts'
import { openInfluxStore } from './influx.ts'
import { type InfluxServer, influxdIsInstalled, startInfluxServer } from './influx-server.ts'

// Locally the test is skipped where there is no influxd; on CI that would hide that nothing was tested.
const skipped = !influxdIsInstalled() && process.env['CI'] === undefined

describe.skipIf(skipped)('with a real InfluxDB 1.x (skipped where influxd is not installed)', () => {
  let server: InfluxServer
  beforeAll(async () => {
    server = await startInfluxServer()
  })
  afterAll(() => server?.stop())

  storeConformance('InfluxDB 1.x', ({ place, sensors }) =>
    openInfluxStore({ url: server.url, version: '1', database: place, sensors }),
  )
})
