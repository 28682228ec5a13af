/**
 * Plays packet sequences in the form of Mosquitto's `test/broker/data/*.json` against a broker: what is sent, what
 * must come back byte for byte, and whether the connection must then stand or be closed. The files stay where the
 * user has them.
 */
import { connect, type Socket } from 'node:net'
import { z } from 'zod'
import { remainingLength } from '../packet-bytes.ts'

const Message = z.object({
  type: z.enum(['send', 'recv', 'publish']),
  payload: z.string(),
  topic: z.string().optional(),
  qos: z.number().optional(),
})

/** A value of a test, else of its group, else this. */
const Common = {
  ver: z.number().optional(),
  connect: z.boolean().optional(),
  expect_disconnect: z.boolean().optional(),
}

const Test = z.object({ name: z.string(), msgs: z.array(Message), ...Common })

export const SequenceFile = z.array(
  z.object({ group: z.string(), disable: z.boolean().optional(), tests: z.array(Test), ...Common }),
)

export interface Sequence {
  readonly name: string
  readonly version: number
  readonly messages: readonly z.infer<typeof Message>[]
  /** A CONNECT that must be accepted comes first. */
  readonly connects: boolean
  readonly endsClosed: boolean
}

/** The sequences of one file that are for this protocol version or older. */
export function sequencesOf(text: string, { maxVersion }: { maxVersion: number }): Sequence[] {
  return SequenceFile.parse(JSON.parse(text))
    .filter(group => group.disable !== true)
    .flatMap(group =>
      group.tests.map(test => ({
        name: `${group.group} ${test.name}`,
        version: test.ver ?? group.ver ?? 4,
        messages: test.msgs,
        connects: test.connect ?? group.connect ?? true,
        endsClosed: test.expect_disconnect ?? group.expect_disconnect ?? true,
      })),
    )
    .filter(({ version }) => version <= maxVersion)
}

/**
 * A line of bytes: hexadecimal, `'text'`, `i` one byte, `H`, `k`, `m` and `s` two, `L` four, `v` and `r` a variable
 * length. Throws RangeError for anything else.
 */
export function bytesOf(line: string): Buffer {
  const words = line.match(/'[^']*'|\S+/g) ?? []
  return Buffer.concat(words.map(wordBytes))
}

function wordBytes(word: string): Buffer {
  const kind = word[0] ?? ''
  if (kind === "'") return Buffer.from(word.slice(1, -1))
  const number = Number(word.slice(1))
  if (kind === 'i') return Buffer.from([number])
  if ('Hkms'.includes(kind)) return Buffer.from([number >> 8, number & 0xff])
  if (kind === 'L') return Buffer.from([number >>> 24, (number >> 16) & 0xff, (number >> 8) & 0xff, number & 0xff])
  if (kind === 'v' || kind === 'r') return remainingLength(number)
  if (!/^([0-9A-Fa-f]{2})+$/.test(word)) throw new RangeError(`${word} is no word of a packet sequence`)
  return Buffer.from(word, 'hex')
}

export interface Target {
  readonly host: string
  readonly port: number
}

/** Plays one sequence; what went wrong, or undefined. */
export async function play(sequence: Sequence, target: Target): Promise<string | undefined> {
  const line = await openLine(target)
  try {
    if (sequence.connects) {
      line.send(connectBytes(sequence.name, sequence.version))
      const trouble = await expectBytes(line, Buffer.from([0x20, 2, 0, 0]), 'CONNACK')
      if (trouble !== undefined) return trouble
    }
    for (const message of sequence.messages) {
      const trouble = await playOne(message, line, target)
      if (trouble !== undefined) return trouble
    }
    if (sequence.endsClosed) return (await line.isClosed()) ? undefined : 'still connected'
    line.send(Buffer.from([0xc0, 0]))
    return await expectBytes(line, Buffer.from([0xd0, 0]), 'PINGRESP')
  } finally {
    line.close()
  }
}

async function playOne(message: z.infer<typeof Message>, line: Line, target: Target): Promise<string | undefined> {
  if (message.type === 'send') line.send(bytesOf(message.payload))
  else if (message.type === 'recv') return expectBytes(line, bytesOf(message.payload), 'answer')
  else await publishFromElsewhere(message, target)
  return undefined
}

async function expectBytes(line: Line, expected: Buffer, what: string): Promise<string | undefined> {
  const got = await line.receive(expected.length)
  return got.equals(expected) ? undefined : `${what}: ${got.toString('hex')} instead of ${expected.toString('hex')}`
}

async function publishFromElsewhere({ topic = '', payload, qos = 0 }: z.infer<typeof Message>, target: Target) {
  const line = await openLine(target)
  line.send(connectBytes('helper', 4))
  await line.receive(4)
  const name = withLength(Buffer.from(topic))
  const id = qos > 0 ? Buffer.from([0, 1]) : Buffer.alloc(0)
  const body = Buffer.concat([name, id, Buffer.from(payload)])
  line.send(Buffer.concat([Buffer.from([0x30 | (qos << 1)]), remainingLength(body.length), body]))
  if (qos > 0) await line.receive(4)
  if (qos === 2) {
    line.send(Buffer.from([0x62, 2, 0, 1]))
    await line.receive(4)
  }
  line.close()
}

function withLength(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes])
}

function connectBytes(clientId: string, version: number): Buffer {
  const name = withLength(Buffer.from(version === 3 ? 'MQIsdp' : 'MQTT'))
  const body = Buffer.concat([name, Buffer.from([version, 2, 0, 60]), withLength(Buffer.from(clientId))])
  return Buffer.concat([Buffer.from([0x10]), remainingLength(body.length), body])
}

interface Line {
  send(bytes: Buffer): void
  /** So many bytes, or fewer when the connection is closed or nothing comes for two seconds. */
  receive(count: number): Promise<Buffer>
  isClosed(): Promise<boolean>
  close(): void
}

const patienceMs = 2000

async function openLine({ host, port }: Target): Promise<Line> {
  const socket: Socket = connect({ host, port })
  let received: Buffer = Buffer.alloc(0)
  let closed = false
  let wake = () => {}
  socket.on('data', bytes => {
    received = Buffer.concat([received, bytes])
    wake()
  })
  socket.on('close', () => {
    closed = true
    wake()
  })
  // A reset is one way of being closed, and 'close' follows.
  socket.on('error', () => {})
  const until = (done: () => boolean) =>
    new Promise<void>(resolve => {
      const timer = setTimeout(resolve, patienceMs)
      wake = () => {
        if (!done()) return
        clearTimeout(timer)
        resolve()
      }
      wake()
    })
  await new Promise(resolve => socket.once('connect', resolve))
  return {
    send: bytes => void socket.write(bytes),
    async receive(count) {
      await until(() => closed || received.length >= count)
      const bytes = received.subarray(0, count)
      received = received.subarray(count)
      return bytes
    },
    async isClosed() {
      await until(() => closed || received.length > 0)
      return closed && received.length === 0
    },
    close: () => socket.destroy(),
  }
}
