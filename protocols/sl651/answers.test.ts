import { describe, expect, test } from 'vitest'
import { askForElements, askForPeriod, askStation, confirmFrame, refusePacket } from './answers.ts'
import { sl651Decoder } from './decoder.ts'
import { type FrameToWrite, readFrame, type Sl651Frame, writeFrame } from './frame.ts'
import { changingFuncs, functionFacts, queryFuncs } from './functions.ts'
import {
  readEventCounters,
  readNames,
  readParameters,
  readPeriodQuestion,
  readSwitches,
  readVersion,
  writeSwitches,
} from './parameters.ts'

const atMs = Date.UTC(2026, 10, 22, 16, 30, 5)
const station = { center: 1, station: '0012345678', password: '1234' } as const

function up(more: Partial<FrameToWrite> = {}): Sl651Frame {
  const body = Buffer.from(
    more.coding === 'ascii' ? '00A3260101000000' : '00A3260101000000',
    more.coding === 'ascii' ? 'latin1' : 'hex',
  )
  const frame: FrameToWrite = {
    coding: 'hex',
    direction: 'up',
    ...station,
    func: '34',
    start: 'STX',
    end: 'ETX',
    body,
    ...more,
  }
  const read = readFrame(writeFrame(frame))
  if (read.kind !== 'frame') throw new Error(read.detail)
  return read.frame
}

function said(bytes: Uint8Array): unknown {
  return sl651Decoder.decode({ bytes }).records[0]
}

describe('answers of the centre', () => {
  test.each(['EOT', 'ESC', 'ACK'] as const)('%s confirms under the same serial number, in Beijing time', mark => {
    const confirmed = said(confirmFrame(up(), { mark, atMs }))
    expect(confirmed).toMatchObject({
      direction: 'down',
      ...station,
      func: '34',
      end: mark,
      serial: 0xa3,
      sendTime: '2026-11-23T00:30:05',
    })
  })

  test('a frame in ASCII coding is confirmed in ASCII coding', () => {
    const confirmed = said(confirmFrame(up({ coding: 'ascii' }), { mark: 'EOT', atMs }))
    expect(confirmed).toMatchObject({
      coding: 'ascii',
      direction: 'down',
      serial: 0xa3,
      sendTime: '2026-11-23T00:30:05',
    })
  })

  test('a missing packet is asked for by its number', () => {
    const first = up({ start: 'SYN', end: 'ETB', packets: 13, packetNo: 1 })
    expect(said(refusePacket(first, { packetNo: 7, atMs }))).toMatchObject({
      direction: 'down',
      end: 'NAK',
      packets: 13,
      packetNo: 7,
    })
  })
})

describe('questions of the centre', () => {
  const to = { coding: 'hex', ...station } as const

  test('values of now', () => {
    const asked = said(askStation(to, { func: '37', serial: 70_000, atMs }))
    expect(asked).toMatchObject({ direction: 'down', func: '37', bodyLen: 8, end: 'ENQ', serial: 4464 })
  })

  test('named elements, and an element over a period', () => {
    expect(askForElements([{ id: '39', bytes: 4, decimals: 3 }])).toBe('3923')
    const period = { fromMs: Date.UTC(2026, 10, 21, 16), untilMs: atMs, stepMinutes: 65 }
    expect(askForPeriod({ id: 'F4', bytes: 12, decimals: 0 }, period)).toBe('26112200261123000418000105F460')
  })

  test('parameters that are no hex are refused', () => {
    expect(() => askStation(to, { func: '3A', serial: 1, atMs, parametersHex: '39 23' })).toThrow(RangeError)
  })
})

test('functions that change a station are known as such, and so is every unknown one', () => {
  expect(changingFuncs).toEqual(['40', '42', '47', '48', '49', '4A', '4B', '4C', '4D', '4E', '4F'])
  expect(functionFacts('37').changes).toBe(false)
  expect(functionFacts('E0').changes).toBe(true)
  expect([...queryFuncs].toSorted()).toEqual(['37', '38', '39', '3A', '41', '43', '44', '45', '46', '50', '51'])
})

describe('parameters', () => {
  test('a running configuration is read with names and units', () => {
    expect(readParameters('2008012110100023100300250910')).toEqual([
      { id: '20', name: 'timed report every', hex: '01', value: 1, unit: 'h' },
      { id: '21', name: 'extra report every', hex: '1000', value: 1000, unit: 'min' },
      { id: '23', name: 'sample every', hex: '0300', value: 300, unit: 's' },
      { id: '25', name: 'rain resolution', hex: '10', value: 1, unit: 'mm' },
    ])
  })

  test('a basic configuration keeps addresses as they came', () => {
    expect(readParameters('022800112233440F18013331EE08FF')).toEqual([
      { id: '02', name: 'station address', hex: '0011223344' },
      { id: '0F', name: 'identification of the device', hex: '013331', text: '31' },
      { id: 'EE', name: 'parameter EE', hex: 'FF' },
    ])
  })

  test('a list that ends within a parameter gives those before it', () => {
    expect(readParameters('2008012110').map(({ id }) => id)).toEqual(['20'])
  })

  test('a question names what it wants', () => {
    const names = [
      { id: '39', bytes: 4, decimals: 3 },
      { id: 'FF09', bytes: 1, decimals: 0 },
    ]
    expect(readNames(askForElements(names))).toEqual(names)
    const period = { fromMs: Date.UTC(2026, 10, 21, 16), untilMs: atMs, stepMinutes: 65 }
    expect(readPeriodQuestion(askForPeriod({ id: 'F4', bytes: 12, decimals: 0 }, period))).toEqual({
      from: '2026-11-22T00:00',
      until: '2026-11-23T00:00',
      stepMinutes: 65,
      elements: [{ id: 'F4', bytes: 12, decimals: 0 }],
    })
    expect(readPeriodQuestion('26139900261123000418000105F460')).toBeUndefined()
  })

  test('switches are read as they were written', () => {
    const pumps = [true, false, true, false, false, false, false, false, true]
    expect(writeSwitches(pumps)).toBe('020501')
    expect(readSwitches(writeSwitches(pumps)).slice(0, 9)).toEqual(pumps)
  })

  test('version, event counters and pump states', () => {
    expect(readVersion('0541424344 45'.replace(' ', ''))).toBe('ABCDE')
    expect(readVersion('0641')).toBeUndefined()
    expect(readEventCounters('0001FFFF')).toEqual([1, 65_535])
    expect(readSwitches('0105')).toEqual([true, false, true, false, false, false, false, false])
  })
})
