/**
 * HJ 212 as a source: a TCP port that dust, noise and water-quality monitors connect to. What a device wants answered is
 * answered in its own checksum, once its values are on disk.
 */
import { type Hj212Dialect, type Hj212Packet } from '@forewarn/protocols/hj212/frame'
import {
  answerHj212,
  type Hj212Answer,
  type Hj212Message,
  packetNumber,
  readFlag,
  readHj212Message,
} from '@forewarn/protocols/hj212/message'
import { openHj212Stream } from '@forewarn/protocols/hj212/stream'
import type { DeviceLine } from '../device-server.ts'
import { startFrameServer } from '../frame-server.ts'
import { type Source, type SourceStatus, type Surroundings, sourceKind } from '../source.ts'
import { type DeviceProfile, Hj212Profile } from './profile.ts'
import { messageTimeMs, readingsOf } from './readings.ts'

export const hj212Kind = sourceKind({
  kind: 'hj212',
  profile: Hj212Profile,
  sensors: ({ devices }) => devices.flatMap(({ sensors }) => sensors.map(({ sensor }) => sensor)),
  start: startHj212,
})

async function startHj212(profile: Hj212Profile, around: Surroundings): Promise<Source> {
  const desk = new Desk(profile, around)
  const server = await startFrameServer({
    listen: profile.listen,
    around,
    openStream: openHj212Stream,
    junk: (detail, bytes) => {
      // The line end of a packet may come in a piece of its own; some devices send blanks to keep the line open.
      if (!bytes.every(isBlank)) desk.refuse('no-packet', detail, bytes)
    },
    take: (packet, bytes, line) => desk.take(packet, bytes, line),
  })
  return {
    kind: 'hj212',
    status: (): SourceStatus => {
      const counts = desk.counts()
      const state = counts['packets'] === undefined ? 'waiting' : 'running'
      return { state, listensAt: server.listensAt, counts: { connections: server.connections, ...counts } }
    },
    stop: () => server.stop(),
  }
}

function isBlank(byte: number): boolean {
  return byte === 0x0d || byte === 0x0a || byte === 0x20
}

/** The time of a message whose first packet carried it, for the packets behind. */
interface TimeOfMessage {
  readonly qn: string
  readonly timeMs: number
}

/** What is done with packets, whatever connection they come on. */
class Desk {
  #gateway: string
  #around: Surroundings
  #devices: ReadonlyMap<string, DeviceProfile>
  #times = new Map<string, TimeOfMessage>()
  #counts = new Map<string, number>()

  constructor({ gateway, devices }: Hj212Profile, around: Surroundings) {
    this.#gateway = gateway
    this.#around = around
    this.#devices = new Map(devices.map(device => [device.mn, device]))
  }

  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts)
  }

  #count(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1)
  }

  refuse(reason: string, detail: string, original: Uint8Array): void {
    this.#count('refused')
    this.#around.refuse({ reason, detail, original })
  }

  async take({ text, dialect }: Hj212Packet, bytes: Uint8Array, line: DeviceLine): Promise<void> {
    const message = readHj212Message(text)
    const { MN = '', CN = '' } = message
    const device = this.#devices.get(MN)
    if (device === undefined) return this.refuse('unknown-device', `MN ${MN}, ${line.peer}`, bytes)
    this.#count(dialect === 'annex-a' ? 'fitsAnnexA' : 'fitsModbus')
    if (dialect !== device.dialect) {
      const detail = `MN ${MN}: its checksum is of the dialect ${dialect}, its profile says ${device.dialect}`
      return this.refuse('wrong-dialect', detail, bytes)
    }
    if (device.password !== undefined && device.password !== message.PW) {
      return this.refuse('wrong-password', `MN ${MN}, ${line.peer}`, bytes)
    }
    this.#count('packets')
    if (await this.#keep(message, device, bytes)) this.#answer(message, answerTo(CN), { dialect, line })
  }

  /** Whether all of it is on disk. */
  async #keep(message: Hj212Message, device: DeviceProfile, bytes: Uint8Array): Promise<boolean> {
    const timeMs = this.#timeOf(message, device)
    const { readings, noNumbers } = readingsOf(message, device, timeMs)
    for (const value of noNumbers) this.refuse('no-number', `MN ${device.mn}: ${value}`, bytes)
    try {
      if (readings.length > 0)
        await this.#around.take(this.#gateway, readings, { backlog: wasHeldBack(message, timeMs) })
      return true
    } catch (error) {
      this.#count('notKept')
      this.#around.log.error('device-report-not-kept', { mn: device.mn, trouble: String(error) })
      return false
    }
  }

  /** Of several packets only the first says when it was measured. */
  #timeOf(message: Hj212Message, { mn }: DeviceProfile): number {
    const { QN = '', CP } = message
    const own = messageTimeMs(message)
    const remembered = this.#times.get(mn)
    const timeMs = CP['DataTime'] === undefined && remembered?.qn === QN && QN !== '' ? remembered.timeMs : own
    if (packetNumber(message) !== undefined && timeMs !== undefined) this.#times.set(mn, { qn: QN, timeMs })
    if (timeMs === undefined) this.#count('withoutTime')
    return timeMs ?? this.#around.clock.nowMs()
  }

  #answer(
    message: Hj212Message,
    answer: Hj212Answer | undefined,
    { dialect, line }: { dialect: Hj212Dialect; line: DeviceLine },
  ): void {
    if (answer === undefined || !readFlag(message.Flag).answerWanted) return
    this.#count('answered')
    line.send(answerHj212(message, answer, dialect))
  }
}

/** Data are answered with 9014, notices (a device asking for the time) with 9013; answers are not answered. */
function answerTo(cn: string): Hj212Answer | undefined {
  if (/^[23]\d{3}$/.test(cn)) return { cn: '9014' }
  return cn === '1013' ? { cn: '9013' } : undefined
}

/** By the device's own clock (QN is when it sends, DataTime when it measured) these are no values of now. */
const heldBackAfterMs = 15 * 60_000

function wasHeldBack({ QN }: Hj212Message, timeMs: number): boolean {
  const sentAtMs = messageTimeMs({ ...(QN === undefined ? {} : { QN }), CP: {}, factors: {} })
  return sentAtMs !== undefined && sentAtMs - timeMs > heldBackAfterMs
}
