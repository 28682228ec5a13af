/**
 * Modbus behind the room's one interface. Which line a message comes from is seen from the bytes: an RTU message has
 * a right CRC, a TCP message a header that agrees with its length.
 */
import { accepted, type Decoded, type Frame, type FrameDecoder, refused } from '../frame-decoder.ts'
import { hasRightCrc, type ModbusMessage, readRtu, readTcp, readWrapped } from './frame.ts'
import { numberIn } from './registers.ts'

export const modbusDecoder: FrameDecoder = {
  protocol: 'modbus',
  standard: 'Modbus Application Protocol 1.1b3, RTU and TCP',
  decode({ bytes = new Uint8Array() }: Frame): Decoded {
    if (bytes.length === 0) return refused('no bytes', 'incomplete')
    if (hasRightCrc(bytes)) return decoded(readRtu(bytes))
    const wrapped = readWrapped(bytes)
    if ('embedded' in wrapped) {
      const embedded = Buffer.from(wrapped.embedded).toString('hex').toUpperCase()
      return accepted({ embedded, registers: wrapped.message.pdu.registers ?? [] })
    }
    const tcp = readTcp(bytes)
    return 'fault' in tcp && tcp.fault === 'reject' ? decoded(readRtu(bytes)) : decoded(tcp)
  },
}

function decoded(read: ReturnType<typeof readRtu>): Decoded {
  return 'fault' in read ? refused(read.error, read.fault) : accepted(recordOf(read))
}

function recordOf({ line, unit, transaction, direction, pdu }: ModbusMessage) {
  const record = { ...(transaction === undefined ? {} : { transaction }), unit, ...pdu }
  if (line !== 'rtu' || direction !== 'response' || pdu.registers?.length !== 2) return record
  // Two registers are mostly one number; which order they have, only the device's profile knows.
  return { ...record, int32be: numberIn(pdu.registers, 'int32') }
}
