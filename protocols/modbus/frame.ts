/**
 * The shells of Modbus: RTU on a serial line (unit, data, CRC with its low byte first), TCP (MBAP header, no CRC), and
 * the packet in which one rain gauge's gateway wraps an RTU answer.
 */
import { crc16Modbus } from '../crc16.ts'
import { type Direction, type ModbusPdu, readPdu } from './pdu.ts'

export interface ModbusMessage {
  readonly line: 'rtu' | 'tcp'
  readonly unit: number
  /** Of TCP. */
  readonly transaction?: number
  readonly direction: Direction
  readonly pdu: ModbusPdu
}

export interface ModbusFault {
  readonly fault: 'reject' | 'incomplete'
  readonly error: string
}

/** An RTU message; on a serial line silence ends it, so one that is cut is wrong and not unfinished. */
export function readRtu(bytes: Uint8Array): ModbusMessage | ModbusFault {
  const unit = bytes[0]
  if (unit === undefined || bytes.length < 4) return { fault: 'reject', error: 'too short for unit, function and CRC' }
  if (!hasRightCrc(bytes)) return { fault: 'reject', error: 'the CRC is wrong' }
  const read = readPdu(bytes.subarray(1, -2))
  if (read === undefined) return { fault: 'reject', error: 'function and data do not belong together' }
  return { line: 'rtu', unit, ...read }
}

/** A TCP message: transaction, protocol 0, length, unit, data. */
export function readTcp(bytes: Uint8Array): ModbusMessage | ModbusFault {
  const frame = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (frame.length < 8) return { fault: 'reject', error: 'too short for a header' }
  const length = frame.readUInt16BE(4)
  if (frame.readUInt16BE(2) !== 0 || length < 2 || length > 254) return { fault: 'reject', error: 'no MBAP header' }
  if (frame.length < 6 + length)
    return { fault: 'incomplete', error: `${6 + length - frame.length} bytes are not there yet` }
  if (frame.length > 6 + length) return { fault: 'reject', error: `${frame.length - 6 - length} bytes too many` }
  const read = readPdu(frame.subarray(7))
  if (read === undefined) return { fault: 'reject', error: 'function and data do not belong together' }
  return { line: 'tcp', transaction: frame.readUInt16BE(0), unit: frame.readUInt8(6), ...read }
}

/** `FF`, length of the rest, an RTU answer to function 3 or 4, more that is not public, a sum that is not the usual one. */
export function readWrapped(bytes: Uint8Array): { embedded: Uint8Array; message: ModbusMessage } | ModbusFault {
  const dataBytes = bytes[4]
  const isOne = bytes[0] === 0xff && bytes[1] === bytes.length - 1 && (bytes[3] === 3 || bytes[3] === 4)
  if (!isOne || dataBytes === undefined) return { fault: 'reject', error: 'not a wrapped answer' }
  const embedded = bytes.subarray(2, 2 + 3 + dataBytes + 2)
  // The sum is the last byte of the packet and not part of the answer.
  if (2 + embedded.length >= bytes.length)
    return { fault: 'reject', error: 'the answer inside is longer than its packet' }
  const message = readRtu(embedded)
  return 'fault' in message ? message : { embedded, message }
}

/** Low byte first. */
export function hasRightCrc(bytes: Uint8Array): boolean {
  const crc = crc16Modbus(bytes.subarray(0, -2))
  return bytes.at(-2) === (crc & 0xff) && bytes.at(-1) === crc >> 8
}
