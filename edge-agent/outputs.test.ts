import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { type Log, silentLog } from '@forewarn/runtime/log'
import { ModbusTCPServer } from 'jsmodbus'
import { afterEach, expect, test } from 'vitest'
import { Outputs, openSwitchboard, type Switchboard } from './outputs.ts'

const sockets = new Set<Socket>()
const servers: Server[] = []
const switchboards: Switchboard[] = []

afterEach(async () => {
  for (const one of switchboards.splice(0)) one.stop()
  for (const socket of sockets) socket.destroy()
  sockets.clear()
  for (const server of servers.splice(0)) await new Promise(resolve => server.close(resolve))
})

async function listening(serve: (socket: Socket) => void = () => {}, port = 0) {
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    serve(socket)
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  servers.push(server)
  const address = server.address()
  return { server, port: typeof address === 'object' && address ? address.port : 0 }
}

/** jsmodbus' own server with sixteen coils. */
async function relays(port = 0) {
  const { server, port: taken } = await listening(() => {}, port)
  const coils = Buffer.alloc(2)
  expect(new ModbusTCPServer(server, { coils }).coils).toBe(coils)
  return { coils, port: taken }
}

function open(outputs: object, log = silentLog()) {
  const board = openSwitchboard(Outputs.parse(outputs), { log, retryMs: 20 })
  switchboards.push(board)
  return board
}

const coilAt = (port: number, coil: number, more: object = {}) => ({
  ...{ kind: 'modbus-coil', host: '127.0.0.1', port, coil },
  ...more,
})

test('a coil goes on and off with its output, and the coils beside it are left alone', async () => {
  const { coils, port } = await relays()
  coils.writeUInt8(0b0000_0010, 0)
  const board = open({ siren: coilAt(port, 2), lamp: coilAt(port, 9) })
  board.want(new Set(['siren', 'lamp']))
  await board.settled()
  expect([...coils]).toEqual([0b0000_0110, 0b0000_0010])
  board.want(new Set(['lamp']))
  await board.settled()
  expect([...coils]).toEqual([0b0000_0010, 0b0000_0010])
})

test('a relay that opens to act has its coil off while the output is on', async () => {
  const { coils, port } = await relays()
  coils.writeUInt8(0b1, 0)
  const board = open({ barrier: coilAt(port, 0, { on: false }) })
  board.want(new Set(['barrier']))
  await board.settled()
  expect(coils.readUInt8(0)).toBe(0)
  board.want(new Set())
  await board.settled()
  expect(coils.readUInt8(0)).toBe(1)
})

test('a relay module that is away is tried until it obeys', async () => {
  const { server, port } = await listening()
  await new Promise(resolve => server.close(resolve))
  servers.splice(0)
  const board = open({ siren: coilAt(port, 0) })
  board.want(new Set(['siren']))
  const { coils } = await relays(port)
  await board.settled()
  expect(coils.readUInt8(0)).toBe(1)
})

test.each([
  ['hangs up', [], 'Offline'],
  ['refuses the address', [0x85, 0x02], 'ModbusException'],
  ['answers for another coil', [0x05, 0x00, 0x07, 0xff, 0x00], 'something else'],
  ['says that it did the contrary', [0x05, 0x00, 0x00, 0x00, 0x00], 'something else'],
])('a module that %s has not switched: it is said, and tried again', async (_, body, words) => {
  const obeying = Buffer.from([0x05, 0x00, 0x00, 0xff, 0x00])
  let asked = 0
  const { port } = await listening(socket => {
    socket.on('data', question => {
      const answer = ++asked === 1 ? Buffer.from(body) : obeying
      const header = Buffer.alloc(7)
      question.copy(header, 0, 0, 7)
      header.writeUInt16BE(answer.length + 1, 4)
      if (answer.length === 0) socket.destroy()
      else socket.write(Buffer.concat([header, answer]))
    })
  })
  const lines: string[] = []
  const note = (event: string, facts: object = {}) => void lines.push(`${event} ${JSON.stringify(facts)}`)
  const log: Log = { ...silentLog(), warn: note, error: note }
  const board = open({ siren: coilAt(port, 0) }, log)
  board.want(new Set(['siren']))
  await board.settled()
  expect(asked).toBe(2)
  expect(lines).toHaveLength(2)
  expect(lines[0]).toContain('output-not-switched')
  expect(lines[0]).toContain(words)
  expect(lines[1]).toContain('output-switched')
})

test('an agent that stops does not wait for a module that says nothing', async () => {
  const { promise: asked, resolve } = Promise.withResolvers<void>()
  const { port } = await listening(socket => socket.on('data', () => resolve()))
  const lines: string[] = []
  const log: Log = { ...silentLog(), error: event => void lines.push(event) }
  const board = open({ siren: coilAt(port, 0) }, log)
  board.want(new Set(['siren']))
  await asked
  const hungUp = Promise.all([...sockets].map(socket => once(socket, 'close')))
  board.stop()
  await Promise.all([board.settled(), hungUp])
  expect(lines).toEqual(['output-not-switched'])
})

test.each([
  ['without a coil', { kind: 'modbus-coil', host: '127.0.0.1' }],
  ['with a coil that cannot be', coilAt(502, 65_536)],
  ['with a field nobody knows', coilAt(502, 1, { register: 4 })],
])('an output %s is refused with the settings', (_, output) => {
  expect(Outputs.safeParse({ siren: output }).success).toBe(false)
})
