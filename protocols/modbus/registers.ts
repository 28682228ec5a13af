/**
 * Numbers in Modbus registers. The standard knows 16 bits only; wider numbers lie in several registers, and which word
 * and which byte comes first differs from maker to maker. It belongs in a device's profile.
 */
export const registerTypes = ['int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64', 'float32', 'float64'] as const
export type RegisterType = (typeof registerTypes)[number]

export interface RegisterOrder {
  /** The usual is the high word first. */
  readonly words?: 'high-first' | 'low-first'
  /** Within a register; anything but the usual is a maker's mistake that has become a habit. */
  readonly bytes?: 'high-first' | 'low-first'
}

/** How many registers a number takes. */
export function registersOf(type: RegisterType): number {
  return Number(type.replace(/\D+/, '')) / 16
}

/**
 * The number in `registers` (exactly as many as its type takes). Undefined when there are too few or too many, when a
 * float is no number, and when 64 bits hold more than a JavaScript number can say exactly.
 */
export function numberIn(
  registers: readonly number[],
  type: RegisterType,
  order: RegisterOrder = {},
): number | undefined {
  if (registers.length !== registersOf(type)) return undefined
  const bytes = Buffer.alloc(registers.length * 2)
  const words = order.words === 'low-first' ? registers.toReversed() : registers
  words.forEach((word, index) => void bytes.writeUInt16BE(word & 0xffff, index * 2))
  if (order.bytes === 'low-first') bytes.swap16()
  const value = readers[type](bytes)
  const isWhole = !type.startsWith('float')
  return (isWhole ? Number.isSafeInteger(value) : Number.isFinite(value)) ? value : undefined
}

const readers: Readonly<Record<RegisterType, (bytes: Buffer) => number>> = {
  int16: bytes => bytes.readInt16BE(),
  uint16: bytes => bytes.readUInt16BE(),
  int32: bytes => bytes.readInt32BE(),
  uint32: bytes => bytes.readUInt32BE(),
  int64: bytes => Number(bytes.readBigInt64BE()),
  uint64: bytes => Number(bytes.readBigUInt64BE()),
  float32: bytes => bytes.readFloatBE(),
  float64: bytes => bytes.readDoubleBE(),
}
