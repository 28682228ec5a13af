/**
 * One coil of a relay module or PLC, written over Modbus TCP: function 5, whose answer repeats the question once the
 * coil has been written (Modbus Application Protocol V1.1b3, 6.5). A connection for each switching: it happens a few
 * times a year, and an idle one may have died unnoticed.
 */
import { once } from 'node:events'
import { Socket } from 'node:net'
import { ModbusTCPClient } from 'jsmodbus'
import { z } from 'zod'

export interface Coil {
  readonly host: string
  readonly port: number
  readonly unit: number
  /** Counted from 0. */
  readonly coil: number
}

interface Writing {
  readonly value: boolean
  /** For the connection, and again for the answer; wall ms. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

const Repeated = z.object({ unitId: z.number(), body: z.object({ address: z.number(), value: z.boolean() }) })
const Refusal = z.object({ err: z.string(), message: z.string() })

/** Resolves once the device has said that the coil is so. Rejects when it is not reached, is silent or refuses. */
export async function writeCoil(
  { host, port, unit, coil }: Coil,
  { value, timeoutMs, signal }: Writing,
): Promise<void> {
  const socket = new Socket({ signal })
  // What befalls the connection is told by jsmodbus, as an answer that does not come.
  socket.on('error', () => socket.destroy())
  const given = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
  try {
    // jsmodbus learns of the connection by its event: the client comes first.
    const client = new ModbusTCPClient(socket, unit, timeoutMs)
    const connected = once(socket, 'connect', { signal: given })
    socket.connect({ host, port })
    await connected
    const { response } = await client.writeSingleCoil(coil, value)
    const { data } = Repeated.safeParse(response)
    if (data?.unitId !== unit || data.body.address !== coil || data.body.value !== value)
      throw new Error('the device answered something else than it was asked')
  } catch (error) {
    const { data } = Refusal.safeParse(error)
    throw data === undefined ? error : new Error(`${data.err}: ${data.message}`, { cause: error })
  } finally {
    socket.destroy()
  }
}
