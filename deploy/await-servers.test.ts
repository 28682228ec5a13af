import { once } from 'node:events'
import { connect } from 'node:net'
import { liveClock } from '@forewarn/runtime/clock'
import { silentLog } from '@forewarn/runtime/log'
import { expect, test } from 'vitest'
import { passingReason, whenServersAnswer } from './await-servers.ts'

const parts = { part: 'alerts', log: silentLog(), clock: liveClock() }

test('what a server that is not there answers passes, and is waited for', async () => {
  let tries = 0
  const knock = async () => {
    if (tries++ > 0) return 'there'
    // Nobody listens on port 1.
    await once(connect(1, '127.0.0.1'), 'connect')
    return 'never'
  }
  expect(await whenServersAnswer(knock, parts)).toBe('there')
  expect(tries).toBe(2)
})

test('what time does not mend is told at once', async () => {
  const wrongPassword = Object.assign(new Error('password authentication failed'), { code: '28P01' })
  await expect(whenServersAnswer(() => Promise.reject(wrongPassword), parts)).rejects.toBe(wrongPassword)
  expect(passingReason(new Error('alerts', { cause: new AggregateError([wrongPassword]) }))).toBeUndefined()
  const starting = Object.assign(new Error('the database system is starting up'), { code: '57P03' })
  expect(passingReason(new Error('alerts', { cause: starting }))).toContain('starting up')
})
