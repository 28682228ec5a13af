import { expect } from 'vitest'
import { z } from 'zod'
import { crc16Modbus } from '../crc16.ts'
import { fuzzDecoder } from '../fuzz.ts'
import { checkVectors, frameOf, type VectorRow, vectorRows } from '../vectors/check-vectors.ts'
import { checkOuterVectors } from '../vectors/outer-vectors.ts'
import { modbusDecoder } from './decoder.ts'

/** What a value means (`meaning`) stands in the device's manual and not in the frame. */
function sameButForMeaning(record: unknown, { decoded }: VectorRow): void {
  const { meaning: _, ...inFrame } = z.record(z.string(), z.unknown()).parse(decoded)
  expect(record).toEqual(inFrame)
}

checkVectors('modbus', modbusDecoder, sameButForMeaning)
checkOuterVectors('modbus', modbusDecoder, sameButForMeaning)

function mended(bytes: Uint8Array): Uint8Array {
  if (bytes.length < 4) return bytes
  const crc = crc16Modbus(bytes.subarray(0, -2))
  return Uint8Array.from([...bytes.subarray(0, -2), crc & 0xff, crc >> 8])
}

fuzzDecoder('modbus', modbusDecoder, vectorRows('modbus').map(frameOf), { repair: mended })
