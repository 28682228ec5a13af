/** How sensors of one device are gathered into questions: neighbours in the same table travel together. */
import { type ModbusSensor, type ModbusTable, widthOf } from './profile.ts'

/** One question: `count` entries of a table from `start` on, and whose they are. */
export interface Block {
  readonly from: ModbusTable
  readonly start: number
  readonly count: number
  readonly sensors: readonly ModbusSensor[]
}

/** Modbus Application Protocol 1.1b3 §6: at most 125 registers, 2000 bits. */
const most: Readonly<Record<ModbusTable, number>> = { holding: 125, input: 125, coil: 2000, discrete: 2000 }

/** Blocks without gaps: a device may refuse a question that touches an address it does not have. */
export function blocksOf(sensors: readonly ModbusSensor[]): Block[] {
  const blocks: Block[] = []
  for (const sensor of sensors.toSorted((a, b) => a.from.localeCompare(b.from) || a.at - b.at)) {
    const block = blocks.at(-1)
    const end = sensor.at + widthOf(sensor)
    const joins =
      block?.from === sensor.from && sensor.at <= block.start + block.count && end - block.start <= most[sensor.from]
    if (!joins) blocks.push(blockOf(sensor))
    else
      blocks[blocks.length - 1] = {
        ...block,
        count: Math.max(block.count, end - block.start),
        sensors: [...block.sensors, sensor],
      }
  }
  return blocks
}

/** The same sensors, each asked for alone. */
export function singlesOf({ sensors }: Block): Block[] {
  return sensors.map(blockOf)
}

function blockOf(sensor: ModbusSensor): Block {
  return { from: sensor.from, start: sensor.at, count: widthOf(sensor), sensors: [sensor] }
}
