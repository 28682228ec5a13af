/**
 * What the house says to a Sparkplug edge node: be born again (3.0 §6.4.10, `Node Control/Rebirth`).
 */
import { bytesField, varintField } from '../protobuf.ts'

export const rebirthMetric = 'Node Control/Rebirth'
const booleanType = 11

/** The payload of an NCMD that asks for a new birth. `atMs` is the house's time, UTC ms. */
export function encodeRebirth(atMs: number): Uint8Array {
  const metric = Buffer.concat([
    bytesField(1, rebirthMetric),
    varintField(3, atMs),
    varintField(4, booleanType),
    varintField(14, true),
  ])
  return Buffer.concat([varintField(1, atMs), bytesField(2, metric)])
}
