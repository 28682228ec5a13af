/** What a profile of kind `modbus` may hold: lines, the devices on each, and where in a device each sensor is found. */
import { registersOf, registerTypes } from '@forewarn/protocols/modbus/registers'
import { z } from 'zod'
import { LineAddress } from '../line-stream.ts'
import { Duration, profileFields, sensorFields } from '../profile-fields.ts'

/** The four tables of a Modbus device. Registers are 16 bits, coils and discrete inputs one. */
export const modbusTables = ['holding', 'input', 'coil', 'discrete'] as const
export type ModbusTable = (typeof modbusTables)[number]

const ByteOrder = z.enum(['high-first', 'low-first']).default('high-first')

export const ModbusSensor = z.strictObject({
  ...sensorFields,
  from: z.enum(modbusTables).default('holding'),
  /** As it goes over the wire, from 0: a manual's 40001 or 30001 is 0 here. */
  at: z.number().int().min(0).max(65_535),
  type: z.enum(registerTypes).default('uint16'),
  /** Which word of a wide number comes first, and which byte of a register. */
  words: ByteOrder,
  bytes: ByteOrder,
  /** One bit of a register, 0 the lowest: the reading is 0 or 1. */
  bit: z.number().int().min(0).max(15).optional(),
  /**
   * 32 and 64 bits all set mean "no measurement" on nearly every device that has them. Say true where -1 is a value
   * like any other.
   */
  allOnesIsValue: z.boolean().default(false),
})
export type ModbusSensor = z.infer<typeof ModbusSensor>

const Device = z.strictObject({
  unit: z.number().int().min(0).max(255),
  name: z.string().optional(),
  every: Duration.prefault('30 s'),
  /** How long it has to answer, on the wall clock. */
  timeout: Duration.prefault('1 s'),
  read: z.array(ModbusSensor).min(1),
})
export type ModbusDevice = z.infer<typeof Device>

const Line = z
  .strictObject({
    line: LineAddress,
    /** `tcp` has the header of Modbus TCP; `rtu` is what runs on serial lines, also through a serial server. */
    frames: z.enum(['tcp', 'rtu']).optional(),
    devices: z.array(Device).min(1),
  })
  .refine(({ line, frames }) => 'tcp' in line || frames !== 'tcp', {
    path: ['frames'],
    message: 'a serial line carries rtu',
  })
export type ModbusLine = z.infer<typeof Line>

export const ModbusProfile = z.strictObject({
  source: z.literal('modbus'),
  ...profileFields,
  lines: z.array(Line).min(1),
})
export type ModbusProfile = z.infer<typeof ModbusProfile>

/** RTU on serial ports; elsewhere TCP, unless the profile says otherwise. */
export function framesOf({ line, frames }: ModbusLine): 'tcp' | 'rtu' {
  return frames ?? ('serial' in line ? 'rtu' : 'tcp')
}

/** How many entries of its table a sensor takes. */
export function widthOf({ from, type, bit }: ModbusSensor): number {
  return from === 'coil' || from === 'discrete' || bit !== undefined ? 1 : registersOf(type)
}
