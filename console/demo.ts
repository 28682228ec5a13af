/** `node console/demo.ts`: the console with a make-believe house behind it, for working on the page. Password: see below. */
import { randomBytes } from 'node:crypto'
import { drillClock, liveClock } from '@forewarn/runtime/clock'
import { openLog } from '@forewarn/runtime/log'
import { createMetrics } from '@forewarn/runtime/metrics'
import { buildConsole } from './build.ts'
import { fixtureDistrict, fixtureMap } from './fixtures/district.ts'
import { madeUpStore, startInnerHouse } from './fixtures/inner-house.ts'
import { closedWarning, fixtureUnits, stormWarnings } from './fixtures/warnings.ts'
import { hashPassword } from './passwords.ts'
import { startConsole } from './start.ts'

const calm = process.argv.includes('--calm')
const clock = drillClock({ startMs: Date.UTC(2026, 6, 1, 6, 6, 27), speed: 1 })
clock.release()
const innerToken = randomBytes(32).toString('hex')
const log = openLog({ level: 'info' })
const district = fixtureDistrict()
await buildConsole()
const house = await startInnerHouse({ token: innerToken, clock })
house.setUnits(fixtureUnits(clock.nowMs()))
house.setWarnings([closedWarning(clock.nowMs()), ...(calm ? [] : stormWarnings(clock.nowMs()))])
const password = randomBytes(6).toString('hex')
const running = await startConsole({
  ...house,
  district,
  mapLayers: fixtureMap(),
  host: '127.0.0.1',
  port: 8099,
  innerToken,
  store: madeUpStore(district, { nowMs: () => clock.nowMs(), wet: () => !calm }),
  officers: [{ name: '李晨', passwordHash: await hashPassword(password), role: 'officer' }],
  sessionSecret: randomBytes(32).toString('hex'),
  clock,
  log,
  metrics: createMetrics(),
  mode: 'exercise',
})
log.info('demo-ready', { url: running.url, name: '李晨', secretWord: password, atMs: liveClock().nowMs() })
