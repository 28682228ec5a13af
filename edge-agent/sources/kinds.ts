/**
 * Every kind of source by the name that profiles use. Loaded when a profile asks for it, so that an agent with one
 * rain gauge does not carry seven protocols.
 */
import type { SourceKind } from './source.ts'

const loaders: Readonly<Record<string, () => Promise<SourceKind>>> = {
  'csv-folder': async () => (await import('./csv-folder/kind.ts')).csvFolderKind,
  gb26875: async () => (await import('./gb26875/kind.ts')).gb26875Kind,
  hj212: async () => (await import('./hj212/kind.ts')).hj212Kind,
  jt808: async () => (await import('./jt808/kind.ts')).jt808Kind,
  'local-mqtt': async () => (await import('./local-mqtt/kind.ts')).localMqttKind,
  modbus: async () => (await import('./modbus/kind.ts')).modbusKind,
  nmea: async () => (await import('./nmea/kind.ts')).nmeaKind,
  sdi12: async () => (await import('./sdi12/kind.ts')).sdi12Kind,
  szy206: async () => (await import('./szy206/kind.ts')).szy206Kind,
  sl651: async () => (await import('./sl651/kind.ts')).sl651Kind,
}

/** Names of all kinds, in the order of the alphabet. */
export const kindNames: readonly string[] = Object.keys(loaders).sort()

/** The kind of that name; undefined when there is none. */
export async function loadKind(name: string): Promise<SourceKind | undefined> {
  return Object.hasOwn(loaders, name) ? await loaders[name]?.() : undefined
}
