import { FrameStream } from '@forewarn/protocols/frame-stream'
import { liveClock } from '@forewarn/runtime/clock'
import { silentLog } from '@forewarn/runtime/log'
import { expect, test } from 'vitest'
import { type DeviceLine, type DeviceServerOptions, type LineHandler, startDeviceServer } from './device-server.ts'
import { FrameLine } from './frame-line.ts'
import { connectDevice } from './source-fixture.ts'

function start(onLine: DeviceServerOptions['onLine'], more: Partial<DeviceServerOptions> = {}) {
  return startDeviceServer({ listen: { host: '127.0.0.1', port: 0 }, onLine, log: silentLog(), ...more })
}

/** Says back what it hears, each piece when `gate` lets it. */
function echo(line: DeviceLine, gate: () => Promise<void> = () => Promise.resolve()): LineHandler {
  return {
    async take(piece) {
      await gate()
      line.send(piece)
    },
    closed() {},
  }
}

test('more connections than allowed are closed at once, and there is room again when one ends', async () => {
  const server = await start(line => echo(line), { connectionsAtMost: 1 })
  const first = await connectDevice(server.port)
  first.send('a')
  await first.heard(1)
  const second = await connectDevice(server.port)
  await second.closed
  expect([server.connections, server.refusedConnections]).toEqual([1, 1])
  first.close()
  await first.closed
  // The server hears of the end a moment later than the device: until then a new one may be refused.
  let answered = false
  while (!answered) {
    const third = await connectDevice(server.port)
    third.send('b')
    answered = await Promise.race([third.heard(1).then(() => true), third.closed.then(() => false)])
  }
  await server.stop()
})

test('a silent connection is closed', async () => {
  const server = await start(line => echo(line), { silentAtMostMs: 50 })
  const device = await connectDevice(server.port)
  await device.closed
  expect(device.received()).toHaveLength(0)
  await server.stop()
})

test('a fault in one connection ends that connection and no other', async () => {
  const server = await start(line => ({
    take: piece =>
      piece[0] === 0x21 ? Promise.reject(new Error('a fault of ours')) : Promise.resolve(line.send(piece)),
    closed: () => Promise.reject(new Error('another')),
  }))
  const [good, bad] = [await connectDevice(server.port), await connectDevice(server.port)]
  bad.send('!')
  await bad.closed
  good.send('a')
  expect((await good.heard(1)).toString()).toBe('a')
  await server.stop()
})

test('a stop waits for what is being taken', async () => {
  let release = () => {}
  let taken = false
  const begun = Promise.withResolvers<void>()
  const server = await start(() => ({
    async take() {
      begun.resolve()
      await new Promise<void>(resolve => (release = resolve))
      taken = true
    },
    closed() {},
  }))
  const device = await connectDevice(server.port)
  device.send('a')
  await begun.promise
  const stopped = server.stop()
  await device.closed
  expect(taken).toBe(false)
  release()
  await stopped
  expect(taken).toBe(true)
})

test('a port that is taken is said so', async () => {
  const server = await start(line => echo(line))
  const taken = start(line => echo(line), { listen: { host: '127.0.0.1', port: server.port } })
  await expect(taken).rejects.toMatchObject({
    message: `listen on 127.0.0.1:${server.port}`,
    cause: { code: 'EADDRINUSE' },
  })
  await server.stop()
})

test('whoever sends 64 kB without one frame is disconnected', async () => {
  let junkBytes = 0
  const stream = () =>
    new FrameStream({
      read: bytes =>
        bytes[0] === 0x2a ? { kind: 'frame', frame: 'star', next: 1 } : { kind: 'broken', detail: 'no star' },
      nextStart: (bytes, from) => bytes.indexOf(0x2a, from),
      longestBytes: 1,
    })
  const server = await start(
    line =>
      new FrameLine({
        line,
        stream: stream(),
        clock: liveClock(),
        junk: (_detail, bytes) => (junkBytes += bytes.length),
        take: () => Promise.resolve(line.send(Buffer.from('ok'))),
      }),
  )
  const device = await connectDevice(server.port)
  device.send(Buffer.concat([Buffer.alloc(40_000), Buffer.from('*'), Buffer.alloc(40_000), Buffer.from('*')]))
  await device.heard(4)
  device.send(Buffer.alloc(70_000))
  await device.closed
  expect(junkBytes).toBeGreaterThan(80_000 + 64 * 1024)
  await server.stop()
})
