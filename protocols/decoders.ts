/**
 * Every decoder by its name on the command line. Loaded when asked for, so that one protocol does not pay for all.
 */
import type { FrameDecoder } from './frame-decoder.ts'

const loaders: Readonly<Record<string, () => Promise<FrameDecoder>>> = {
  cap: async () => (await import('./cap/decoder.ts')).capDecoder,
  chirpstack: async () => (await import('./chirpstack/decoder.ts')).chirpstackDecoder,
  gb26875: async () => (await import('./gb26875/decoder.ts')).gb26875Decoder,
  hj212: async () => (await import('./hj212/decoder.ts')).hj212Decoder,
  json: async () => (await import('./json/decoder.ts')).jsonDecoder,
  jt808: async () => (await import('./jt808/decoder.ts')).jt808Decoder,
  'line-protocol-decode': async () => (await import('./line-protocol-decode/decoder.ts')).lineProtocolDecodeDecoder,
  'line-protocol-encode': async () => (await import('./line-protocol-encode/decoder.ts')).lineProtocolEncodeDecoder,
  'lorawan-payload': async () => (await import('./lorawan-payload/decoder.ts')).lorawanPayloadDecoder,
  modbus: async () => (await import('./modbus/decoder.ts')).modbusDecoder,
  nmea: async () => (await import('./nmea/decoder.ts')).nmeaDecoder,
  sdi12: async () => (await import('./sdi12/decoder.ts')).sdi12Decoder,
  senml: async () => (await import('./senml/decoder.ts')).senmlDecoder,
  sensorthings: async () => (await import('./sensorthings/decoder.ts')).sensorthingsDecoder,
  sl651: async () => (await import('./sl651/decoder.ts')).sl651Decoder,
  sparkplug: async () => (await import('./sparkplug/decoder.ts')).sparkplugDecoder,
  szy206: async () => (await import('./szy206/decoder.ts')).szy206Decoder,
  tasmota: async () => (await import('./tasmota/decoder.ts')).tasmotaDecoder,
  tracecontext: async () => (await import('./tracecontext/decoder.ts')).tracecontextDecoder,
  'webhook-sign': async () => (await import('./webhook-sign/decoder.ts')).webhookSignDecoder,
  zigbee2mqtt: async () => (await import('./zigbee2mqtt/decoder.ts')).zigbee2mqttDecoder,
}

/** Names of all protocols, in the order of the alphabet. */
export const protocolNames: readonly string[] = Object.keys(loaders).sort()

/** The decoder of a protocol, its name with dashes or underscores; undefined when there is none of that name. */
export async function loadDecoder(protocol: string): Promise<FrameDecoder | undefined> {
  const name = protocol.toLowerCase().replaceAll('_', '-')
  return Object.hasOwn(loaders, name) ? await loaders[name]?.() : undefined
}
