import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { crc16Modbus } from '@forewarn/protocols/crc16'
import { handClock } from '@forewarn/runtime/clock'
import { ModbusTCPServer } from 'jsmodbus'
import { afterEach, expect, test } from 'vitest'
import type { Source } from '../source.ts'
import { startSource } from '../source-fixture.ts'
import { modbusKind } from './kind.ts'

/** A machine that runs many tests at once takes its time. */
function eventually<T>(look: () => T) {
  return expect.poll(look, { timeout: 20_000 })
}

const t0 = Date.UTC(2026, 10, 22, 12)
const open: (Server | Source)[] = []
const sockets = new Set<Socket>()

afterEach(async () => {
  for (const one of open.splice(0)) {
    if ('stop' in one) await one.stop()
    else {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => one.close(resolve))
    }
  }
})

async function listening(serve: (socket: Socket) => void = () => {}) {
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    serve(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  open.push(server)
  const address = server.address()
  return { server, tcp: { host: '127.0.0.1', port: typeof address === 'object' && address ? address.port : 0 } }
}

/** jsmodbus' own server: every unit has the same registers. */
async function modbusServer(holding: Buffer, coils = Buffer.alloc(2)) {
  const { server, tcp } = await listening()
  expect(new ModbusTCPServer(server, { holding, coils }).holding).toBe(holding)
  return tcp
}

/** Answers RTU questions with what `answer` says: the bytes between unit and CRC, or nothing. */
async function rtuServer(answer: (unit: number, start: number) => readonly number[] | undefined) {
  const { tcp } = await listening(socket => {
    socket.on('data', question => {
      const unit = question.readUInt8(0)
      const bytes = answer(unit, question.readUInt16BE(2))
      if (bytes === undefined) return
      const crc = crc16Modbus(Uint8Array.from(bytes))
      // In two pieces, as a serial server sends them.
      socket.write(Uint8Array.from(bytes.slice(0, 2)))
      socket.write(Uint8Array.from([...bytes.slice(2), crc & 0xff, crc >> 8]))
    })
  })
  return tcp
}

async function started(lines: readonly unknown[], clock = handClock(t0)) {
  const around = await startSource(JSON.stringify({ source: 'modbus', gateway: 'gw-1', lines }), { clock })
  open.push(around.source)
  clock.advance(0)
  return { around, source: around.source, clock }
}

function registers(...words: number[]): Buffer {
  const bytes = Buffer.alloc(words.length * 2)
  words.forEach((word, index) => void bytes.writeUInt16BE(word, index * 2))
  return bytes
}

test('registers of every width and order become readings, in the period of the profile', async () => {
  const tcp = await modbusServer(registers(86, 0xfffe, 0, 60, 0, 0x41c8), Buffer.from([0b10]))
  const read = [
    { sensor: 'wind', at: 0, scale: 0.1, unit: 'm/s' },
    { sensor: 'temp', at: 1, type: 'int16' },
    { sensor: 'rain', at: 2, type: 'uint32' },
    { sensor: 'flow', at: 4, type: 'float32', words: 'low-first' },
    { sensor: 'pump', at: 0, bit: 2 },
    { sensor: 'gate', from: 'coil', at: 1 },
  ]
  const { around, source, clock } = await started([{ line: { tcp }, devices: [{ unit: 1, every: '10 s', read }] }])
  await around.until(() => around.taken.length === 6)
  expect(Object.fromEntries(around.taken.map(({ name, value }) => [name, value]))).toEqual({
    wind: 8.6,
    temp: -2,
    rain: 60,
    flow: 25,
    pump: 1,
    gate: 1,
  })
  expect(around.taken[0]).toMatchObject({ gateway: 'gw-1', backlog: false, timeMs: t0 })
  await eventually(() => source.status()).toMatchObject({ state: 'running', counts: { answers: 2, readings: 6 } })
  clock.advance(10_000)
  await around.until(() => around.taken.length === 12)
  expect(around.taken.at(-1)).toMatchObject({ timeMs: t0 + 10_000 })
})

test('"no measurement" is said to be missing and never becomes a number', async () => {
  const tcp = await modbusServer(registers(0xffff, 0xffff, 0xffff, 0x7fc0, 0, 7))
  const read = [
    { sensor: 'depth', at: 0, type: 'uint32' },
    { sensor: 'signed', at: 0, type: 'int32', scale: 0.001 },
    { sensor: 'level', at: 2, never: [65_535] },
    { sensor: 'float', at: 3, type: 'float32' },
    { sensor: 'good', at: 5 },
    { sensor: 'minus', at: 0, type: 'int32', allOnesIsValue: true },
  ]
  const { around, source } = await started([{ line: { tcp }, devices: [{ unit: 1, read }] }])
  await around.until(() => around.taken.length === 6)
  expect(Object.fromEntries(around.taken.map(({ name, value, quality = 'good' }) => [name, [quality, value]]))).toEqual(
    {
      depth: ['missing', Number.NaN],
      signed: ['missing', Number.NaN],
      level: ['missing', Number.NaN],
      float: ['missing', Number.NaN],
      good: ['good', 7],
      minus: ['good', -1],
    },
  )
  await eventually(() => source.status().counts).toMatchObject({ sentinels: 4, readings: 6 })
})

test('a device that is not there delays nobody on another line', async () => {
  const tcp = await modbusServer(registers(5))
  let asked = 0
  const { tcp: deaf } = await listening(socket => socket.on('data', () => void asked++))
  const one = (at: object, sensor: string, timeout: string) => {
    return { line: { tcp: at }, devices: [{ unit: 1, every: '1 s', timeout, read: [{ sensor, at: 0 }] }] }
  }
  const { around, clock, source } = await started([one(deaf, 'deaf', '1 h'), one(tcp, 'heard', '1 s')])
  await drive(() => around.taken.length < 5 || asked === 0, clock, 200)
  expect(around.taken.every(({ name }) => name === 'heard')).toBe(true)
  expect(asked).toBe(1)
  expect(source.status().state).toBe('waiting')
})

test('a line that cannot be reached is troubled and says why; once it is there it is heard', async () => {
  const { server, tcp } = await listening()
  await new Promise(resolve => server.close(resolve))
  open.splice(open.indexOf(server), 1)
  const device = { unit: 1, every: '1 s', read: [{ sensor: 'late', at: 0 }] }
  const { around, clock, source } = await started([{ line: { tcp }, devices: [device] }])
  await eventually(() => source.status().state).toBe('troubled')
  expect(source.status().trouble).toMatch(/unit 1 at 127.0.0.1:\d+: connect ECONNREFUSED/)
  const again = createServer(socket => void sockets.add(socket)).listen(tcp.port, tcp.host)
  await once(again, 'listening')
  open.push(again)
  expect(new ModbusTCPServer(again, { holding: registers(9) }).holding).toHaveLength(2)
  clock.advance(1000)
  await around.until(() => around.taken.length === 1)
  await eventually(() => source.status().state).toBe('running')
})

test('a refused question is counted, and its sensors are asked for one by one', async () => {
  // Three registers, the profile asks for four: exception 2, as a device has to answer.
  const { tcp } = await listening(socket => {
    socket.on('data', question => {
      const [start, count] = [question.readUInt16BE(8), question.readUInt16BE(10)]
      const words = registers(1, 2, 3).subarray(start * 2, (start + count) * 2)
      const refused = start + count > 3
      const body = refused ? Buffer.of(0x83, 2) : Buffer.concat([Buffer.of(3, words.length), words])
      socket.write(Buffer.concat([question.subarray(0, 5), Buffer.of(body.length + 1, 1), body]))
    })
  })
  const read = [0, 1, 2, 3].map(at => ({ sensor: `s${at}`, at }))
  const { around, clock, source } = await started([{ line: { tcp }, devices: [{ unit: 1, every: '1 s', read }] }])
  await eventually(() => source.status().counts['exceptions']).toBe(1)
  await eventually(() => source.status().state).toBe('troubled')
  clock.advance(1000)
  await around.until(() => around.taken.length === 3)
  expect(around.taken.map(({ name }) => name)).toEqual(['s0', 's1', 's2'])
  expect(source.status().trouble).toMatch(/Exception/)
})

test('RTU through a serial server: units take turns, and the answer of another unit is not believed', async () => {
  const tcp = await rtuServer((unit, start) => (unit === 3 ? [2, 3, 2, 0, 99] : [unit, 3, 2, 0, unit * 10 + start]))
  const device = (unit: number) => {
    const timeout = unit === 3 ? '200 ms' : '20 s'
    return { unit, every: '1 s', timeout, read: [{ sensor: `u${unit}`, at: 1 }] }
  }
  const line = { line: { tcp }, frames: 'rtu', devices: [device(1), device(2), device(3)] }
  const { around, clock, source } = await started([line])
  await around.until(() => around.taken.length === 1)
  await drive(() => around.taken.length < 2 || source.status().counts['unanswered'] === 0, clock)
  expect(around.taken.slice(0, 2).map(({ name, value }) => [name, value])).toEqual([
    ['u1', 11],
    ['u2', 21],
  ])
  expect(around.taken.every(({ name }) => name !== 'u3')).toBe(true)
})

/** Gives the clock a push between turns of the event loop, as long as `waiting`. */
async function drive(waiting: () => boolean, clock: { advance(ms: number): void }, stepMs = 0): Promise<void> {
  while (waiting()) {
    clock.advance(stepMs)
    await new Promise(resolve => setImmediate(resolve))
  }
}

test('a silent RTU unit does not keep the next one from its turn', async () => {
  const tcp = await rtuServer(unit => (unit === 1 ? undefined : [unit, 3, 2, 0, 7]))
  const device = (unit: number) => {
    const timeout = unit === 1 ? '20 ms' : '20 s'
    return { unit, every: '1 s', timeout, read: [{ sensor: `u${unit}`, at: 0 }] }
  }
  const { around, clock, source } = await started([{ line: { tcp }, frames: 'rtu', devices: [device(1), device(2)] }])
  await drive(() => around.taken.length === 0, clock)
  expect(around.taken[0]).toMatchObject({ name: 'u2', value: 7 })
  expect(source.status()).toMatchObject({ state: 'troubled', counts: { unanswered: 1 } })
})

test('a serial server that was started anew is connected to again', async () => {
  const tcp = await rtuServer(unit => [unit, 3, 2, 0, 7])
  const device = { unit: 1, every: '1 s', timeout: '20 s', read: [{ sensor: 'depth', at: 0 }] }
  const { around, clock, source } = await started([{ line: { tcp }, frames: 'rtu', devices: [device] }])
  await around.until(() => around.taken.length === 1)
  const cut = [...sockets].filter(({ destroyed }) => !destroyed).map(socket => once(socket, 'close'))
  expect(cut).toHaveLength(1)
  for (const socket of sockets) socket.destroy()
  await Promise.all(cut)
  await drive(() => around.taken.length < 3, clock, 1000)
  expect(source.status().state).not.toBe('waiting')
})

test('storm mode asks more often, and a full disk is told and not hidden', async () => {
  const tcp = await modbusServer(registers(5))
  const device = { unit: 1, every: '60 s', read: [{ sensor: 'depth', at: 0 }] }
  const { around, clock, source } = await started([{ line: { tcp }, devices: [device] }])
  await around.until(() => around.taken.length === 1)
  await drive(() => source.status().state !== 'running', clock)
  source.pace?.(new Map([['depth', 5000]]))
  clock.advance(5000)
  await around.until(() => around.taken.length === 2)
  await drive(() => source.status().state !== 'running', clock)
  around.diskFull = true
  clock.advance(5000)
  await drive(() => source.status().counts['not-kept'] === 0, clock)
  await drive(() => source.status().state !== 'troubled', clock)
  expect(source.status().trouble).toMatch(/could not be kept: no space left/)
})

test('a serial line without the package says how to get it', async () => {
  const device = { unit: 1, read: [{ sensor: 's', at: 0 }] }
  const { source } = await started([{ line: { serial: { path: '/dev/none' } }, devices: [device] }])
  await eventually(() => source.status().trouble).toMatch(/npm install serialport|cannot open|No such file/)
})

test('what is wrong with a profile is said with its place', () => {
  const issues = modbusKind.prepare({
    source: 'modbus',
    gateway: 'gw-1',
    lines: [{ line: { tcp: { host: 'x', port: 502 } }, devices: [{ unit: 300, read: [{ sensor: 's', at: 0 }] }] }],
  })
  expect('length' in issues && issues[0]?.path).toEqual(['lines', 0, 'devices', 0, 'unit'])
})
