import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { checksum } from '@forewarn/protocols/nmea/sentence'
import { handClock } from '@forewarn/runtime/clock'
import { expect, onTestFinished, test } from 'vitest'
import { startSource } from '../source-fixture.ts'

/** A machine that runs many tests at once takes its time. */
function eventually<T>(look: () => T) {
  return expect.poll(look, { timeout: 20_000 })
}

const t0 = Date.UTC(2026, 10, 22, 12)

async function instrument() {
  const sockets: Socket[] = []
  const server = createServer(socket => {
    socket.on('error', () => socket.destroy())
    sockets.push(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise(resolve => server.close(resolve))
  })
  const address = server.address()
  return {
    sockets,
    tcp: { host: '127.0.0.1', port: typeof address === 'object' && address ? address.port : 0 },
    say: (...bodies: string[]) => sockets.at(-1)?.write(bodies.map(body => `$${body}*${checksum(body)}\r\n`).join('')),
  }
}

const three = [
  { sensor: 'depth', sentence: 'DBT', field: 'depth_m', unit: 'm' },
  { sensor: 'wind', sentence: 'MWV', field: 'speed', every: '60 s' },
  { sensor: 'air', sentence: 'XDR', transducer: 'TempAir' },
]

async function started(tcp: object, sensors: readonly object[] = three) {
  const clock = handClock(t0)
  const agent = await startSource(JSON.stringify({ source: 'nmea', gateway: 'gw-1', line: { tcp }, sensors }), {
    clock,
  })
  onTestFinished(() => agent.source.stop())
  return { agent, clock }
}

test('an instrument that talks every second gives one value in each period', async () => {
  const device = await instrument()
  const { agent, clock } = await started(device.tcp)
  await eventually(() => agent.source.status().state).toBe('waiting')
  device.say('SDDBT,7.8,f,2.4,M,1.3,F', 'SDDBT,7.9,f,2.5,M,1.3,F', 'WIXDR,C,19.5,C,TempAir,P,1.02,B,Baro')
  await agent.until(() => agent.taken.length === 2)
  expect(agent.taken).toMatchObject([
    { name: 'depth', value: 2.4, unit: 'm', timeMs: t0 },
    { name: 'air', value: 19.5 },
  ])
  clock.advance(10_000)
  device.say('SDDBT,8.2,f,2.6,M,1.4,F')
  await agent.until(() => agent.taken.length === 3)
  expect(agent.taken.at(-1)).toMatchObject({ name: 'depth', value: 2.6, timeMs: t0 + 10_000 })
  agent.source.pace?.(new Map([['depth', 1000]]))
  device.say('SDDBT,8.3,f,2.7,M,1.4,F')
  await agent.until(() => agent.taken.length === 4)
  await eventually(() => agent.source.status()).toMatchObject({
    state: 'running',
    counts: { sentences: 5, readings: 4 },
  })
})

test('an empty or invalid value is missing and never zero, and a damaged sentence is refused', async () => {
  const device = await instrument()
  const { agent } = await started(device.tcp)
  await eventually(() => agent.source.status().state).toBe('waiting')
  device.sockets.at(-1)?.write('$SDDBT,7.8,f,2.4,M,1.3,F*00\r\n')
  device.say('SDDBT,,f,,M,,F', 'WIMWV,214.8,R,0.1,K,V', 'WIXDR,P,1.02,B,Baro')
  await agent.until(() => agent.taken.length === 2)
  expect(agent.taken).toMatchObject([
    { name: 'depth', quality: 'missing' },
    { name: 'wind', quality: 'missing' },
  ])
  expect(agent.refused).toMatchObject([{ reason: 'broken-sentence', original: expect.stringContaining('*00') }])
})

test('a line that was cut is opened again, and half a sentence of before is forgotten', async () => {
  const device = await instrument()
  const { agent, clock } = await started(device.tcp)
  await eventually(() => agent.source.status().state).toBe('waiting')
  device.sockets.at(-1)?.end('$SDDBT,7.8,f')
  await eventually(() => agent.source.status().state).toBe('troubled')
  clock.advance(1000)
  await eventually(() => device.sockets.length).toBe(2)
  await eventually(() => agent.source.status().trouble).toBeUndefined()
  device.say('SDDBT,7.8,f,2.4,M,1.3,F')
  await agent.until(() => agent.taken.length === 1)
  expect(agent.refused).toEqual([])
})

test('a field that the sentence does not have is said with those that it has', async () => {
  const device = await instrument()
  const { agent } = await started(device.tcp, [{ sensor: 'depth', sentence: 'DBT', field: 'depth' }])
  await eventually(() => agent.source.status().state).toBe('waiting')
  device.say('SDDBT,7.8,f,2.4,M,1.3,F')
  await eventually(() => agent.source.status().trouble).toBe(
    'DBT has no field "depth"; there are depth_ft, depth_m, depth_fathoms',
  )
  expect(agent.taken).toEqual([])
})
