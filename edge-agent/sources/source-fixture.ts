/** For tests: a source started from a profile, what it took and refused, and devices that connect to it. */
import { connect, type Socket } from 'node:net'
import type { SenmlReading } from '@forewarn/contracts/senml'
import { type Clock, liveClock } from '@forewarn/runtime/clock'
import { type Log, silentLog } from '@forewarn/runtime/log'
import { untilHolds } from '../until-holds.ts'
import { readProfile, troubleText } from './profiles.ts'
import type { Refusal, Source } from './source.ts'

export interface TakenReading extends SenmlReading {
  readonly gateway: string
  readonly backlog: boolean
}

export interface StartedSource extends AsyncDisposable {
  readonly source: Source
  readonly taken: TakenReading[]
  readonly refused: Refusal[]
  /** When set, the disk refuses. */
  diskFull: boolean
  /** Resolves once the condition holds; asked again after each reading and refusal. */
  until(condition: () => boolean): Promise<void>
  /** A device that connects to the source's port. */
  device(): Promise<Device>
}

/** Starts the source of a profile given as YAML text. Throws with what is wrong with it. */
export async function startSource(
  yaml: string,
  { clock = liveClock(), log = silentLog() }: { clock?: Clock; log?: Log } = {},
): Promise<StartedSource> {
  const read = await readProfile('test.yaml', yaml)
  if ('troubles' in read) throw new Error(read.troubles.map(troubleText).join('\n'))
  const waiting = new Set<() => void>()
  const told = () => waiting.forEach(look => look())
  const taken: TakenReading[] = []
  const refused: Refusal[] = []
  const started = { diskFull: false }
  const source = await read.prepared.start({
    clock,
    log,
    take(gateway, readings, { backlog }) {
      if (started.diskFull) return Promise.reject(new Error('no space left on the disk'))
      taken.push(...readings.map(reading => ({ gateway, backlog, ...reading })))
      told()
      return Promise.resolve()
    },
    refuse(refusal) {
      refused.push(refusal)
      told()
    },
  })
  const until = (condition: () => boolean) => untilHolds(condition, waiting)
  const device = () => connectDevice(Number(source.status().listensAt?.split(':').at(-1)))
  return Object.assign(started, {
    ...{ source, taken, refused, until, device },
    [Symbol.asyncDispose]: () => source.stop(),
  })
}

/** The far end of a connection: what it was told, and when it was closed. */
export interface Device {
  send(bytes: Uint8Array | string): void
  /** Everything received so far. */
  received(): Buffer
  /** Resolves once so many bytes were received. */
  heard(bytes: number): Promise<Buffer>
  readonly closed: Promise<void>
  close(): void
}

/** Connects to a port of this machine. */
export async function connectDevice(port: number): Promise<Device> {
  const socket: Socket = connect(port, '127.0.0.1')
  let received = Buffer.alloc(0)
  const waiting = new Set<() => void>()
  socket.on('data', piece => {
    received = Buffer.concat([received, Buffer.from(piece)])
    waiting.forEach(look => look())
  })
  socket.on('error', () => {}) // the other side may reset the connection: `closed` says it
  const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))
  await new Promise<void>(resolve => socket.once('connect', () => resolve()))
  return {
    send: bytes => void socket.write(bytes),
    received: () => received,
    heard: bytes =>
      new Promise(resolve => {
        const look = () => {
          if (received.length < bytes) return
          waiting.delete(look)
          resolve(received)
        }
        waiting.add(look)
        look()
      }),
    closed,
    close: () => socket.destroy(),
  }
}
