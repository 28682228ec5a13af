/**
 * The data types of Sparkplug B (3.0 §6.4.16): what the number stands for, and how a value of it lies in its field.
 * Arrays are packed little-endian in a field of bytes.
 */
const names = [
  'Unknown',
  'Int8',
  'Int16',
  'Int32',
  'Int64',
  'UInt8',
  'UInt16',
  'UInt32',
  'UInt64',
  'Float',
  'Double',
  'Boolean',
  'String',
  'DateTime',
  'Text',
  'UUID',
  'DataSet',
  'Bytes',
  'File',
  'Template',
  'PropertySet',
  'PropertySetList',
  'Int8Array',
  'Int16Array',
  'Int32Array',
  'Int64Array',
  'UInt8Array',
  'UInt16Array',
  'UInt32Array',
  'UInt64Array',
  'FloatArray',
  'DoubleArray',
  'BooleanArray',
  'StringArray',
  'DateTimeArray',
] as const
export type Datatype = (typeof names)[number]

/** The name of a data type's number; undefined for a number that the specification does not list. */
export function datatypeOf(number: number): Datatype | undefined {
  return names[number]
}

/** The data type of that name, for callers that have it as text. */
export function datatypeNamed(name: string): Datatype | undefined {
  return names.find(known => known === name)
}

const signedBits: Partial<Record<Datatype, number>> = { Int8: 8, Int16: 16, Int32: 32, Int64: 64 }

/** A whole number as it is meant: signed types lie in an unsigned field as their two's complement. */
export function wholeNumber(raw: bigint, datatype: Datatype | undefined): number | bigint {
  const bits = datatype === undefined ? undefined : signedBits[datatype]
  return exact(bits === undefined ? raw : BigInt.asIntN(bits, raw))
}

/** As a number when that is exact. */
export function exact(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

export type ArrayElement = number | bigint | boolean | string

interface Packing {
  readonly bytes: number
  readonly read: (view: DataView, at: number) => ArrayElement
}

const packings: Partial<Record<Datatype, Packing>> = {
  Int8Array: { bytes: 1, read: (view, at) => view.getInt8(at) },
  Int16Array: { bytes: 2, read: (view, at) => view.getInt16(at, true) },
  Int32Array: { bytes: 4, read: (view, at) => view.getInt32(at, true) },
  Int64Array: { bytes: 8, read: (view, at) => exact(view.getBigInt64(at, true)) },
  UInt8Array: { bytes: 1, read: (view, at) => view.getUint8(at) },
  UInt16Array: { bytes: 2, read: (view, at) => view.getUint16(at, true) },
  UInt32Array: { bytes: 4, read: (view, at) => view.getUint32(at, true) },
  UInt64Array: { bytes: 8, read: (view, at) => exact(view.getBigUint64(at, true)) },
  FloatArray: { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  DoubleArray: { bytes: 8, read: (view, at) => view.getFloat64(at, true) },
  DateTimeArray: { bytes: 8, read: (view, at) => exact(view.getBigUint64(at, true)) },
}

/** Whether values of this type are packed in bytes. */
export function isArray(datatype: Datatype): boolean {
  return datatype.endsWith('Array')
}

/** The values of an array field. Returns a sentence when the bytes are no array of that type. */
export function readArray(bytes: Uint8Array, datatype: Datatype): ArrayElement[] | string {
  if (datatype === 'BooleanArray') return readBooleans(bytes)
  if (datatype === 'StringArray') return readStrings(bytes)
  const packing = packings[datatype]
  if (packing === undefined) return `${datatype} is no array`
  const { bytes: width, read } = packing
  if (bytes.length % width !== 0) return `${bytes.length} bytes are no whole number of ${width}-byte values`
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: bytes.length / width }, (_, i) => read(view, i * width))
}

/** Four bytes say how many; then eight to a byte, the first in the highest bit. */
function readBooleans(bytes: Uint8Array): boolean[] | string {
  if (bytes.length < 4) return 'a boolean array begins with its length in four bytes'
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true)
  const packed = bytes.subarray(4)
  if (packed.length !== Math.ceil(length / 8)) return `${packed.length} bytes do not hold ${length} booleans`
  return Array.from({ length }, (_, i) => ((packed[i >> 3] ?? 0) & (0x80 >> (i & 7))) !== 0)
}

const decoder = new TextDecoder('utf-8', { fatal: true })

/** Each text ends with a zero byte. */
function readStrings(bytes: Uint8Array): string[] | string {
  if (bytes.length > 0 && bytes.at(-1) !== 0) return 'the last text of the array has no end'
  try {
    return decoder.decode(bytes).split('\0').slice(0, -1)
  } catch {
    return 'a text of the array is no UTF-8' // the caller refuses the whole field
  }
}
