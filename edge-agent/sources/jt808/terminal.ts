/**
 * One terminal's connection: who it is, what it says, and an answer to each message once it has been acted on. Before
 * it has authenticated, nothing but registration and authentication is heard.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import {
  readAnswer,
  readAuthentication,
  readBatch,
  readQueriedLocation,
  readRegistration,
} from '@forewarn/protocols/jt808/bodies'
import { type Addressee, answerTo, registerReply } from '@forewarn/protocols/jt808/down'
import { type Jt808Message, joinPackets, jt808Framer, readMessage, writeMessage } from '@forewarn/protocols/jt808/frame'
import { readLocation } from '@forewarn/protocols/jt808/location'
import type { DeviceLine, LineHandler } from '../device-server.ts'
import type { Surroundings } from '../source.ts'
import type { Memories } from './memory.ts'
import type { TerminalSide, Truck } from './truck.ts'

export interface Fleet {
  /** By terminal number, without the zeros in front. */
  readonly trucks: ReadonlyMap<string, Truck>
  readonly memories: Memories
  readonly around: Surroundings
  readonly count: (what: string) => void
}

/** `result` of a general answer. */
type Result = 0 | 1 | 2 | 3
const [done, failed, wrong, unsupported] = [0, 1, 2, 3] as const

/** More packets than this are no message that we have a use for. */
const packetsAtMost = 100

/** What is done with one connection of a terminal; whose it is, its first messages say. */
export function terminalHandler(line: DeviceLine, fleet: Fleet): LineHandler {
  return new Terminal(line, fleet)
}

class Terminal implements LineHandler, TerminalSide {
  #line: DeviceLine
  #fleet: Fleet
  #framer = jt808Framer()
  #truck: Truck | undefined
  #style: Omit<Addressee, 'serial'> = { phone: '0', version2019: false }
  #serial = 0
  #packets = new Map<string, Jt808Message[]>()

  constructor(line: DeviceLine, fleet: Fleet) {
    this.#line = line
    this.#fleet = fleet
  }

  send(write: (to: Addressee) => Jt808Message): number {
    const serial = this.#serial
    this.#serial = (this.#serial + 1) & 0xffff
    this.#line.send(writeMessage(write({ ...this.#style, serial })))
    return serial
  }

  async take(piece: Uint8Array): Promise<void> {
    for (const frame of this.#framer.push(piece)) await this.#hear(frame)
  }

  closed(): void {
    this.#truck?.detach(this)
  }

  async #hear(frame: Uint8Array): Promise<void> {
    const message = readMessage(frame)
    const { around, count } = this.#fleet
    if ('fault' in message) {
      count('broken')
      const reason = message.fault === 'quarantine' ? 'wrong-length' : 'broken-frame'
      return around.refuse({ reason, detail: `${this.#line.peer}: ${message.error}`, original: frame })
    }
    count('messages')
    const { phone, version2019, protocolVersion } = message
    this.#style = { phone, version2019, ...(protocolVersion === undefined ? {} : { protocolVersion }) }
    if (message.msgId === '0100') return await this.#register(message)
    const result = await this.#actOn(message, frame)
    if (result !== undefined) this.send(to => answerTo(message, to, result))
    // What is owed to the driver comes after the answer that the terminal waits for.
    if (message.msgId === '0102' && result === done) this.#truck?.attach(this)
  }

  /** What to answer; undefined for messages that are answers themselves. */
  async #actOn(message: Jt808Message, frame: Uint8Array): Promise<Result | undefined> {
    const { around, count } = this.#fleet
    if (message.msgId === '0102') return this.#authenticate(message)
    const truck = this.#truck
    if (truck === undefined || bare(message.phone) !== bare(truck.vehicle.phone)) {
      count('unauthenticated')
      return failed
    }
    if (message.encrypt !== 0) return unsupported
    const whole = message.packets === undefined ? message : this.#collect(message)
    if (whole === undefined) return done
    try {
      return await actFor(truck, whole)
    } catch (error) {
      if (error instanceof BrokenBody) {
        around.refuse({ reason: 'wrong-body', detail: `${this.#line.peer}: ${error.message}`, original: frame })
        return wrong
      }
      // Not kept: the terminal is told so, and may say it again.
      around.log.error('vehicle-message-not-kept', { peer: this.#line.peer, trouble: String(error) })
      return failed
    }
  }

  /** The whole message once its last packet is there. */
  #collect(packet: Jt808Message): Jt808Message | undefined {
    const held = this.#packets.get(packet.msgId) ?? []
    const total = packet.packets?.total ?? 0
    // A new message of the same kind begins: what was unfinished will not be finished.
    const fresh = held.every(({ packets }) => packets?.total === total && packets.index !== packet.packets?.index)
    const now = [...(fresh ? held : []), packet]
    this.#packets.delete(packet.msgId)
    if (total > packetsAtMost) return undefined
    const joined = joinPackets(now)
    if (!('fault' in joined)) return joined
    this.#packets.set(packet.msgId, now)
    return undefined
  }

  async #register(message: Jt808Message): Promise<void> {
    const { trucks, memories, count, around } = this.#fleet
    const truck = trucks.get(bare(message.phone))
    const asked = readRegistration(message)
    const { terminalId } = truck?.vehicle ?? {}
    if (truck === undefined || asked === undefined || (terminalId !== undefined && terminalId !== asked.terminalId)) {
      count('strangers')
      around.log.warn('terminal-refused', { peer: this.#line.peer, phone: message.phone, terminal: asked?.terminalId })
      this.send(to => registerReply(message, to, { result: 4 }))
      return
    }
    const { unit } = truck.vehicle
    const authCode = truck.vehicle.authCode ?? randomBytes(8).toString('hex')
    await memories.keep(unit, { ...memories.of(unit), authCode })
    this.send(to => registerReply(message, to, { result: 0, authCode }))
    around.log.info('terminal-registered', { unit, peer: this.#line.peer })
  }

  #authenticate(message: Jt808Message): Result {
    const { trucks, memories, around, count } = this.#fleet
    const truck = trucks.get(bare(message.phone))
    const code = readAuthentication(message)?.authCode
    const expected =
      truck === undefined ? undefined : (truck.vehicle.authCode ?? memories.of(truck.vehicle.unit).authCode)
    if (truck === undefined || code === undefined || expected === undefined || !isSame(code, expected)) {
      count('strangers')
      around.log.warn('terminal-refused', { peer: this.#line.peer, phone: message.phone })
      return failed
    }
    this.#truck = truck
    return done
  }
}

/** A right frame whose body is none of its kind. */
class BrokenBody extends Error {}

async function actFor(truck: Truck, { msgId, body }: Jt808Message): Promise<Result | undefined> {
  if (msgId === '0002' || msgId === '0003') return done
  if (msgId === '0001') {
    const answer = orBroken(msgId, readAnswer(body))
    if (answer.ackMsgId === '8300') await truck.confirmed(answer.ackSerial, answer.result)
    return undefined
  }
  if (msgId === '0200') {
    await truck.located(orBroken(msgId, readLocation(body)))
    return done
  }
  if (msgId === '0201') {
    await truck.located(orBroken(msgId, readQueriedLocation(body)).location)
    return undefined
  }
  if (msgId === '0704') {
    await truck.caughtUp(orBroken(msgId, readBatch(body)).items)
    return done
  }
  if (msgId === '0301') {
    await truck.pressed(orBroken(msgId, body[0]))
    return done
  }
  return unsupported
}

function orBroken<T>(msgId: string, read: T | undefined): T {
  if (read === undefined) throw new BrokenBody(`the body of ${msgId} contradicts itself`)
  return read
}

/** A number as people know it. */
export function bare(phone: string): string {
  return phone.replace(/^0+/, '')
}

function isSame(said: string, expected: string): boolean {
  const [a, b] = [Buffer.from(said), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}
