import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { crcText } from '@forewarn/protocols/sdi12/answer'
import { handClock } from '@forewarn/runtime/clock'
import { expect, onTestFinished, test } from 'vitest'
import { startSource } from '../source-fixture.ts'

/** A machine that runs many tests at once takes its time. */
function eventually<T>(look: () => T) {
  return expect.poll(look, { timeout: 20_000 })
}

const t0 = Date.UTC(2026, 10, 22, 12)

/** An adapter with sensors behind it: gets each question, answers what `answer` says, in pieces. */
async function adapter(answer: (question: string, socket: Socket) => string | undefined) {
  const questions: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    let text = ''
    socket.on('data', piece => {
      text += piece.toString()
      for (let end = text.indexOf('!'); end >= 0; end = text.indexOf('!')) {
        const question = text.slice(0, end + 1)
        text = text.slice(end + 1)
        questions.push(question)
        const said = answer(question, socket)
        if (said === undefined) continue
        socket.write(said.slice(0, 2))
        socket.write(said.slice(2))
      }
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise(resolve => server.close(resolve))
  })
  const address = server.address()
  return { questions, tcp: { host: '127.0.0.1', port: typeof address === 'object' && address ? address.port : 0 } }
}

async function started(tcp: object, devices: readonly object[], timeout = '20 s') {
  const clock = handClock(t0)
  const profile = { source: 'sdi12', gateway: 'gw-1', line: { tcp }, timeout, devices }
  const agent = await startSource(JSON.stringify(profile), { clock })
  onTestFinished(() => agent.source.stop())
  clock.advance(0)
  return { agent, clock }
}

const withCrc = (line: string) => `${line}${crcText(line)}\r\n`
const read = [
  { sensor: 'level', value: 1, unit: 'm' },
  { sensor: 'temp', value: 3 },
]

test('a sensor is asked to measure, and its values are fetched in as many answers as it needs', async () => {
  const answers: Record<string, string> = {
    '3MC!': '30003\r\n',
    '3D0!': withCrc('3+1.25-0.5'),
    '3D1!': withCrc('3+7'),
  }
  const { tcp, questions } = await adapter(question => answers[question])
  const { agent } = await started(tcp, [{ address: '3', every: '1 min', read }])
  await agent.until(() => agent.taken.length === 2)
  expect(agent.taken).toMatchObject([
    { name: 'level', value: 1.25, unit: 'm', timeMs: t0 },
    { name: 'temp', value: 7 },
  ])
  expect(questions).toEqual(['3MC!', '3D0!', '3D1!'])
  await eventually(() => agent.source.status().state).toBe('running')
})

test('an echo is not an answer, and a sensor that is ready sooner is not waited for', async () => {
  const { tcp } = await adapter((question, socket) => {
    if (question === '0M!') {
      // Announced for 999 s; ready at once.
      socket.write('0M!09991\r\n0\r\n')
      return undefined
    }
    return `${question}0+4.5\r\n`
  })
  const { agent } = await started(tcp, [{ address: '0', command: 'M', read: [{ sensor: 'rain', value: 1 }] }])
  await agent.until(() => agent.taken.length === 1)
  expect(agent.taken[0]).toMatchObject({ name: 'rain', value: 4.5 })
})

test('a damaged answer is asked for again, and after three times it is trouble and no reading', async () => {
  let damaged = 1
  const { tcp, questions } = await adapter(question => {
    if (question === '0MC!') return '00001\r\n'
    return damaged-- > 0 ? '0+1.26@@@\r\n' : withCrc('0+1.25')
  })
  const { agent, clock } = await started(tcp, [{ address: '0', every: '1 min', read: [{ sensor: 'level', value: 1 }] }])
  await agent.until(() => agent.taken.length === 1)
  expect(agent.taken[0]).toMatchObject({ value: 1.25 })
  expect(questions).toEqual(['0MC!', '0D0!', '0D0!'])
  await eventually(() => agent.source.status().state).toBe('running')
  damaged = 100
  clock.advance(60_000)
  await eventually(() => agent.source.status().state).toBe('troubled')
  expect(agent.source.status().trouble).toMatch(/sensor 0 on 127.0.0.1:\d+: D0: the CRC is @@@/)
  expect(agent.taken).toHaveLength(1)
})

test('a value that is not there is said to be missing, and a silent sensor does not keep the next from its turn', async () => {
  const { tcp } = await adapter(question => {
    if (question.startsWith('1')) return undefined
    return question === '2M!' ? '20001\r\n' : '2+3\r\n'
  })
  const silent = { address: '1', command: 'M', read: [{ sensor: 'silent', value: 1 }] }
  const { agent, clock } = await started(tcp, [silent, { address: '2', command: 'M', read }], '200 ms')
  await eventually(() => agent.source.status().counts['unanswered']).toBe(1)
  await eventually(() => {
    clock.advance(0)
    return agent.taken.length
  }).toBe(2)
  expect(agent.taken).toMatchObject([
    { name: 'level', value: 3 },
    { name: 'temp', quality: 'missing' },
  ])
})

test('a CRC that was asked for must come', async () => {
  const { tcp } = await adapter(question => (question === '0MC!' ? '00001\r\n' : '0+1.25\r\n'))
  const { agent } = await started(tcp, [{ address: '0', read: [{ sensor: 'level', value: 1 }] }])
  await eventually(() => agent.source.status().trouble).toMatch(/without the CRC that was asked for/)
  expect(agent.taken).toEqual([])
})
