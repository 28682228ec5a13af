/**
 * One line to Modbus devices, through jsmodbus: one question at a time, opened when there is something to ask. What
 * the library does not check is checked here: that the answer is from the unit that was asked and as long as asked for.
 */
import { EventEmitter } from 'node:events'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import { ModbusRTUClient, ModbusTCPClient } from 'jsmodbus'
import { z } from 'zod'
import { type LineAddress, openLine } from '../line-stream.ts'
import type { ModbusTable } from './profile.ts'

export interface Question {
  readonly unit: number
  readonly from: ModbusTable
  readonly start: number
  readonly count: number
}

/**
 * `exception`: the device answered that it will not; it is there. `unreachable`: no connection. `no-answer`: within
 * the time given. `wrong-answer`: checksum, unit or length.
 */
export type LinkTrouble = 'exception' | 'unreachable' | 'no-answer' | 'wrong-answer'

export type Answer =
  | { readonly values: readonly number[] }
  | { readonly trouble: LinkTrouble; readonly detail: string; readonly exception?: number }

export interface ModbusLink {
  /** Never rejects. Whoever asks waits for the answer before asking again. */
  ask(question: Question): Promise<Answer>
  close(): void
}

// `units` of a link: how long each unit on it has to answer, wall ms.

/** Modbus TCP. After anything odd the connection is given up: a late answer would be taken for the next one. */
export function tcpLink(at: { host: string; port: number }, units: ReadonlyMap<number, number>): ModbusLink {
  let socket: Socket | undefined
  let clients = new Map<number, ModbusTCPClient>()
  const close = () => {
    socket?.destroy()
    socket = undefined
  }
  const open = async () => {
    socket = new Socket()
    const fresh = socket.setNoDelay(true).setMaxListeners(0)
    // jsmodbus learns of the connection by its event: the clients come first.
    clients = new Map([...units].map(([unit, timeoutMs]) => [unit, new ModbusTCPClient(fresh, unit, timeoutMs)]))
    return await connected(fresh, at)
  }
  return {
    close,
    async ask(question) {
      const refusal = socket === undefined || socket.destroyed ? await open() : undefined
      const client = clients.get(question.unit)
      if (refusal !== undefined || client === undefined) {
        close()
        return { trouble: 'unreachable', detail: refusal ?? `unit ${question.unit} is none of this line` }
      }
      const answer = await answerOf(client, question)
      if ('trouble' in answer && answer.trouble !== 'exception') close()
      return answer
    },
  }
}

const connectTimeoutMs = 5000

/** Undefined once connected, else why not. */
async function connected(socket: Socket, at: { host: string; port: number }): Promise<string | undefined> {
  const refusal = await new Promise<string | undefined>(resolve => {
    socket.setTimeout(connectTimeoutMs, () => resolve(`no connection within ${connectTimeoutMs / 1000} s`))
    // It stays: what befalls the connection later is seen at the next question.
    socket.on('error', error => resolve(error.message))
    socket.once('close', () => resolve('the connection was closed'))
    socket.connect(at, () => resolve(undefined))
  })
  socket.setTimeout(0)
  return refusal
}

/** Modbus RTU on a serial line, or through a serial server. */
export function rtuLink(address: LineAddress, units: ReadonlyMap<number, number>): ModbusLink {
  let line: Duplex | undefined
  const closing = new AbortController()
  const open = async () => {
    const fresh = await openLine(address)
    fresh.on('error', () => fresh.destroy())
    fresh.on('close', () => (line = line === fresh ? undefined : line))
    if (closing.signal.aborted) fresh.destroy()
    return fresh
  }
  return {
    close: () => {
      closing.abort()
      line?.destroy()
    },
    async ask(question) {
      try {
        line ??= await open()
      } catch (error) {
        return { trouble: 'unreachable', detail: error instanceof Error ? error.message : String(error) }
      }
      const timeoutMs = units.get(question.unit) ?? 1000
      const answer = await askOnce(line, question, timeoutMs)
      const late = 'trouble' in answer && (answer.trouble === 'no-answer' || answer.trouble === 'wrong-answer')
      // A late answer looks like the answer to the next question: let it go by.
      if (late) await wait(timeoutMs, undefined, { signal: closing.signal }).catch(() => undefined) // closing
      return answer
    },
  }
}

/**
 * A client for one question: what it did not use of the bytes that came, nobody will. It sees the line through an
 * emitter of its own, so that nothing of it stays behind on the line.
 */
async function askOnce(line: Duplex, question: Question, timeoutMs: number): Promise<Answer> {
  const tap = Object.assign(new EventEmitter(), {
    isOpen: true,
    write: (bytes: Uint8Array, written: (error?: Error | null) => void) => line.write(bytes, written),
  })
  const onData = (chunk: Buffer) => void tap.emit('data', chunk)
  const closed = Promise.withResolvers<Answer>()
  const onClose = () => closed.resolve({ trouble: 'unreachable', detail: 'the connection was closed' })
  line.on('data', onData).once('close', onClose)
  try {
    return await Promise.race([answerOf(new ModbusRTUClient(tap, question.unit, timeoutMs), question), closed.promise])
  } finally {
    line.off('data', onData).off('close', onClose)
  }
}

const Refusal = z.object({
  err: z.string(),
  message: z.string(),
  response: z
    .object({ body: z.object({ code: z.number() }) })
    .optional()
    .catch(undefined),
})

const Response = z.object({
  unitId: z.number(),
  body: z.object({
    valuesAsArray: z.union([z.array(z.number()), z.instanceof(Uint16Array).transform(Array.from<number>)]),
  }),
})

async function answerOf(client: ModbusTCPClient | ModbusRTUClient, question: Question): Promise<Answer> {
  const { unit, count } = question
  try {
    const { response } = await asked(client, question)
    const parsed = Response.safeParse(response)
    const values = parsed.data?.body.valuesAsArray ?? []
    if (parsed.data?.unitId !== unit || values.length < count) {
      return {
        trouble: 'wrong-answer',
        detail: `an answer of unit ${parsed.data?.unitId} with ${values.length} values`,
      }
    }
    return { values: values.slice(0, count) }
  } catch (error) {
    const { data } = Refusal.safeParse(error)
    if (data === undefined) throw error
    if (data.err === 'ModbusException') {
      return { trouble: 'exception', detail: data.message, exception: data.response?.body.code ?? 0 }
    }
    const troubles: Readonly<Record<string, LinkTrouble>> = { Timeout: 'no-answer', Offline: 'unreachable' }
    return { trouble: troubles[data.err] ?? 'wrong-answer', detail: data.message }
  }
}

async function asked(client: ModbusTCPClient | ModbusRTUClient, { from, start, count }: Question) {
  if (from === 'holding') return await client.readHoldingRegisters(start, count)
  if (from === 'input') return await client.readInputRegisters(start, count)
  return from === 'coil' ? await client.readCoils(start, count) : await client.readDiscreteInputs(start, count)
}
