/**
 * Modbus devices as a source: registers and bits of the profile, asked for in each device's period, made readings.
 * Every line has its own connection and its own turn: what is dead on one never delays another.
 */
import type { SenmlReading } from '@forewarn/contracts/senml'
import { numberIn } from '@forewarn/protocols/modbus/registers'
import { nameOfLine } from '../line-stream.ts'
import { startPolling } from '../polling.ts'
import { readingOrMissing } from '../said-missing.ts'
import { type Source, type Surroundings, sourceKind } from '../source.ts'
import { type Block, blocksOf, singlesOf } from './blocks.ts'
import { type Answer, type ModbusLink, rtuLink, tcpLink } from './link.ts'
import { framesOf, type ModbusDevice, type ModbusLine, ModbusProfile, type ModbusSensor, widthOf } from './profile.ts'

export const modbusKind = sourceKind({
  kind: 'modbus',
  profile: ModbusProfile,
  sensors: ({ lines }) =>
    lines.flatMap(({ devices }) => devices.flatMap(({ read }) => read.map(({ sensor }) => sensor))),
  start: async (profile, around) => startModbus(profile, around),
})

function startModbus({ gateway, lines }: ModbusProfile, around: Surroundings): Source {
  const counts = { answers: 0, exceptions: 0, unanswered: 0, readings: 0, sentinels: 0, 'not-kept': 0 }
  const running = lines.map(line => startLine(line, { gateway, around, counts }))
  return {
    kind: 'modbus',
    status() {
      const troubles = running.flatMap(({ polling }) => [...polling.troubles().values()])
      const waiting = running.some(({ polling }) => !polling.askedAll)
      const state = troubles.length > 0 ? 'troubled' : waiting ? 'waiting' : 'running'
      return { state, counts, ...(troubles.length > 0 ? { trouble: troubles.join('; ') } : {}) }
    },
    pace(periodMsBySensor) {
      for (const { polling } of running) polling.pace(periodMsBySensor)
    },
    async stop() {
      // The line first: a question under way ends with it.
      for (const { link } of running) link.close()
      await Promise.all(running.map(({ polling }) => polling.stop()))
    },
  }
}

interface Work {
  readonly gateway: string
  readonly around: Surroundings
  readonly counts: Record<'answers' | 'exceptions' | 'unanswered' | 'readings' | 'sentinels' | 'not-kept', number>
}

function startLine(line: ModbusLine, work: Work) {
  const units = new Map(line.devices.map(({ unit, timeout }) => [unit, timeout]))
  const link =
    framesOf(line) === 'tcp' && 'tcp' in line.line ? tcpLink(line.line.tcp, units) : rtuLink(line.line, units)
  const devices = line.devices.map((device, index) => {
    const name = `${device.name ?? `unit ${device.unit}`} at ${nameOfLine(line.line)}`
    const asked = new AskedDevice(device, { ...work, link, name })
    return {
      name: `${index} ${name}`,
      everyMs: device.every,
      sensors: device.read.map(({ sensor }) => sensor),
      ask: () => asked.ask(),
    }
  })
  return { link, polling: startPolling(devices, work.around.clock) }
}

class AskedDevice {
  #device: ModbusDevice
  #work: Work & { readonly link: ModbusLink; readonly name: string }
  #blocks: Block[]
  #lost = false

  constructor(device: ModbusDevice, work: Work & { readonly link: ModbusLink; readonly name: string }) {
    this.#device = device
    this.#work = work
    this.#blocks = blocksOf(device.read)
  }

  /** Undefined when all is well, else what is the matter. */
  async ask(): Promise<string | undefined> {
    const { name, around } = this.#work
    const trouble = await this.#askAll()
    if (trouble !== undefined && !this.#lost) around.log.warn('modbus-device-troubled', { device: name, trouble })
    if (trouble === undefined && this.#lost) around.log.info('modbus-device-answered', { device: name })
    this.#lost = trouble !== undefined
    return trouble === undefined ? undefined : `${name}: ${trouble}`
  }

  async #askAll(): Promise<string | undefined> {
    const { link, counts, around } = this.#work
    const readings: SenmlReading[] = []
    let trouble: string | undefined
    for (const block of [...this.#blocks]) {
      const answer = await link.ask({ unit: this.#device.unit, ...block })
      if ('values' in answer) {
        counts.answers++
        readings.push(...this.#readingsOf(block, answer.values, around.clock.nowMs()))
        continue
      }
      trouble = answer.detail
      if (answer.trouble !== 'exception') {
        counts.unanswered++
        break
      }
      counts.exceptions++
      this.#split(block, answer)
    }
    return (await this.#keep(readings)) ?? trouble
  }

  /** Some devices refuse a question that reaches over two of their tables: each sensor is asked for alone then. */
  #split(block: Block, { exception }: Extract<Answer, { trouble: unknown }>): void {
    const isRefusedRange = exception === 2 || exception === 3
    if (block.sensors.length < 2 || !isRefusedRange) return
    this.#blocks = this.#blocks.flatMap(some => (some === block ? singlesOf(block) : [some]))
  }

  #readingsOf(block: Block, values: readonly number[], atMs: number): SenmlReading[] {
    return block.sensors.map(sensor => {
      const words = values.slice(sensor.at - block.start, sensor.at - block.start + widthOf(sensor))
      const reading = readingOrMissing(sensor, rawOf(sensor, words), atMs)
      if (reading.quality === 'missing') this.#work.counts.sentinels++
      return reading
    })
  }

  async #keep(readings: readonly SenmlReading[]): Promise<string | undefined> {
    const { gateway, around, counts } = this.#work
    if (readings.length === 0) return undefined
    try {
      await around.take(gateway, readings, { backlog: false })
      counts.readings += readings.length
      return undefined
    } catch (error) {
      counts['not-kept'] += readings.length
      return `its readings could not be kept: ${error instanceof Error ? error.message : String(error)}`
    }
  }
}

/** The number that the registers hold; undefined when they hold none. */
function rawOf(sensor: ModbusSensor, words: readonly number[]): number | undefined {
  const [first] = words
  if (sensor.from === 'coil' || sensor.from === 'discrete') return first
  if (sensor.bit !== undefined) return first === undefined ? undefined : (first >> sensor.bit) & 1
  const isAllOnes = words.length > 1 && words.every(word => word === 0xffff)
  if (isAllOnes && !sensor.allOnesIsValue) return undefined
  return numberIn(words, sensor.type, { words: sensor.words, bytes: sensor.bytes })
}
