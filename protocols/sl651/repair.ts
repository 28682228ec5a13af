/** For tests: a frame of SL 651 whose checksum fits whatever else is wrong with it. */
import { crc16Modbus } from '../crc16.ts'

/** The frame with its last bytes (four characters behind SOH, two bytes otherwise) made the checksum of the others. */
export function repairSl651(bytes: Uint8Array): Uint8Array {
  const width = bytes[0] === 0x01 ? 4 : 2
  if (bytes.length <= width) return bytes
  const covered = bytes.subarray(0, bytes.length - width)
  const sum = crc16Modbus(covered).toString(16).toUpperCase().padStart(4, '0')
  return Buffer.concat([covered, width === 4 ? Buffer.from(sum) : Buffer.from(sum, 'hex')])
}
