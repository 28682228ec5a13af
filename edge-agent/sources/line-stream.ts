/**
 * A line to a field device: a TCP connection (a serial server, a device of its own) or a serial port of this machine.
 * Serial ports need the package `serialport`, which is loaded only here and only when a profile names one.
 */
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { z } from 'zod'

const Tcp = z.strictObject({ host: z.string().min(1), port: z.number().int().min(1).max(65_535) })

const Serial = z.strictObject({
  /** `/dev/ttyUSB0`, `COM3`. */
  path: z.string().min(1),
  baud: z.number().int().positive().default(9600),
  dataBits: z.union([z.literal(7), z.literal(8)]).default(8),
  parity: z.enum(['none', 'even', 'odd']).default('none'),
  stopBits: z.union([z.literal(1), z.literal(2)]).default(1),
})

/** Where a line leads: exactly one of the two. */
export const LineAddress = z.union([z.strictObject({ tcp: Tcp }), z.strictObject({ serial: Serial })])
export type LineAddress = z.infer<typeof LineAddress>

/** For people: `192.0.2.7:502`, `/dev/ttyUSB0`. */
export function nameOfLine(address: LineAddress): string {
  return 'tcp' in address ? `${address.tcp.host}:${address.tcp.port}` : address.serial.path
}

/** A connection that takes longer is none; wall time, it is a network's matter. */
const connectTimeoutMs = 5000

/** Resolves once bytes can go both ways. Rejects with a reason for a person when they cannot. */
export async function openLine(address: LineAddress): Promise<Duplex> {
  return 'tcp' in address ? await openTcp(address.tcp) : await openSerial(address.serial)
}

async function openTcp({ host, port }: z.infer<typeof Tcp>): Promise<Duplex> {
  const socket = connect({ host, port, noDelay: true, keepAlive: true })
  return await new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      clearTimeout(limit)
      socket.destroy()
      reject(error)
    }
    const limit = setTimeout(
      () => fail(new Error(`no connection within ${connectTimeoutMs / 1000} s`)),
      connectTimeoutMs,
    )
    socket.once('error', fail)
    socket.once('connect', () => {
      clearTimeout(limit)
      socket.off('error', fail)
      resolve(socket)
    })
  })
}

/** The part of `serialport` that is used here. */
interface SerialPortClass {
  new (options: object, opened: (error: Error | null) => void): Duplex
}

const SerialPortModule = z.object({
  SerialPort: z.custom<SerialPortClass>(value => typeof value === 'function'),
})

async function openSerial({ path, baud, ...frame }: z.infer<typeof Serial>): Promise<Duplex> {
  const { SerialPort } = await loadSerialPort()
  return await new Promise((resolve, reject) => {
    const port = new SerialPort({ path, baudRate: baud, ...frame }, error => (error ? reject(error) : resolve(port)))
  })
}

/** By a name that TypeScript does not look up: the package is not there on most machines. */
const serialPackage: string = 'serialport'

async function loadSerialPort() {
  try {
    return SerialPortModule.parse(await import(serialPackage))
  } catch (cause) {
    throw new Error('serial lines need the package serialport: npm install serialport@13 --no-save', { cause })
  }
}
