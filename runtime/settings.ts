/**
 * Every setting of the house, in one list: its name, what it means, its default and how it is read. Flags win over
 * `FOREWARN_…` variables, which win over defaults. `forewarn settings` prints this list.
 */
import { z } from 'zod'
import { logLevels } from './log.ts'

const port = z.coerce.number().int().min(0).max(65_535)
const optionalText = z.string().min(1).optional()
const flag = z
  .enum(['true', 'false', 'yes', 'no', '1', '0'])
  .transform(text => text === 'true' || text === 'yes' || text === '1')

interface Definition<Schema extends z.ZodType> {
  readonly schema: Schema
  /** As a person would write it; undefined when there is none. */
  readonly fallback: string | undefined
  readonly meaning: string
  /** Never printed. */
  readonly secret?: boolean
}

function define<Schema extends z.ZodType>(definition: Definition<Schema>): Definition<Schema> {
  return definition
}

export const definitions = {
  dataDir: define({ schema: z.string().min(1), fallback: 'data', meaning: 'folder for everything that is kept' }),
  host: define({
    schema: z.string().min(1),
    fallback: '127.0.0.1',
    meaning: 'address that MQTT and the console listen on; 0.0.0.0 for every network',
  }),
  mqttPort: define({ schema: port, fallback: '1883', meaning: 'MQTT port; 0 takes a free one' }),
  mqttPlain: define({
    schema: flag,
    fallback: 'false',
    meaning: 'MQTT without TLS on every address of host; without it plain MQTT stays on this machine',
  }),
  mqttWsPort: define({
    schema: port.optional(),
    fallback: undefined,
    meaning: 'port of MQTT over WebSocket, where plain MQTT is allowed; none unless set',
  }),
  mqttTlsPort: define({
    schema: port,
    fallback: '8883',
    meaning: 'port of MQTT over TLS, once there is a certificate',
  }),
  mqttWssPort: define({
    schema: port.optional(),
    fallback: undefined,
    meaning: 'port of MQTT over WebSocket and TLS; none unless set',
  }),
  tlsCert: define({ schema: optionalText, fallback: undefined, meaning: 'file with the certificate for MQTT (PEM)' }),
  tlsKey: define({ schema: optionalText, fallback: undefined, meaning: 'file with its private key (PEM)' }),
  tlsCa: define({
    schema: optionalText,
    fallback: undefined,
    meaning: 'file with the authority that signs certificates of gateways (PEM)',
  }),
  tlsCrl: define({
    schema: optionalText,
    fallback: undefined,
    meaning: 'file with the certificates that it has taken back (PEM); all four are read again when they change',
  }),
  tlsClientCertificates: define({
    schema: z.enum(['optional', 'required']),
    fallback: 'optional',
    meaning: 'whether every TLS client must bring a certificate',
  }),
  mqttLimits: define({
    schema: z.string(),
    fallback: '',
    meaning: 'limits of the broker, name=value separated by commas (docs/SECURITY.md lists them)',
  }),
  openBroker: define({
    schema: flag,
    fallback: 'false',
    meaning: 'let anybody in on any topic: for conformance tests, never for a district',
  }),
  httpPort: define({ schema: port, fallback: '8080', meaning: 'port of the console; 0 takes a free one' }),
  district: define({
    schema: optionalText,
    fallback: undefined,
    meaning: 'file with the district registry (JSON); without it a simulated Jing’an is made',
  }),
  rulesDir: define({
    schema: optionalText,
    fallback: undefined,
    meaning: 'folder of rule files; without it the catalogue that comes with Forewarn',
  }),
  scenario: define({
    schema: z.string().min(1),
    fallback: 'storm',
    meaning: 'what the simulated district goes through (see simulators/scenarios), or none for no simulation',
  }),
  seed: define({
    schema: z.coerce.number().int().nonnegative(),
    fallback: '1',
    meaning: 'seed of the simulated district',
  }),
  speed: define({
    schema: z.coerce.number().positive().max(600),
    fallback: '1',
    meaning: 'speed of a simulation or replay, 1 to 600 times; live readings need 1',
  }),
  retentionDays: define({
    schema: z.coerce.number().positive(),
    fallback: '400',
    meaning: 'readings older than this are deleted; hourly figures stay',
  }),
  journalMaxMb: define({
    schema: z.coerce.number().positive(),
    fallback: '2048',
    meaning: 'limit of the journal on disk; beyond it nothing is acknowledged',
  }),
  journal: define({
    schema: z.enum(['files', 'redis']),
    fallback: 'files',
    meaning: 'where the journal is kept: files of this machine, or redis (FOREWARN_REDIS_URL) for several machines',
  }),
  mapping: define({
    schema: optionalText,
    fallback: undefined,
    meaning: 'file (YAML) that says how devices with topics and payloads of their own are read',
  }),
  brokerUrl: define({
    schema: optionalText,
    fallback: undefined,
    meaning:
      'another MQTT broker that gateways publish to (mqtt:// or mqtts://), beside the house’s own; its access rules must let a gateway use its own topics only',
    secret: true,
  }),
  brokerUser: define({ schema: optionalText, fallback: undefined, meaning: 'user at that broker' }),
  brokerPassword: define({ schema: optionalText, fallback: undefined, meaning: 'password there', secret: true }),
  brokerClientId: define({
    schema: z.string().min(1).max(100),
    fallback: 'forewarn-ingest',
    meaning: 'beginning of the client ids there: the broker keeps what comes while the house is away under them',
  }),
  brokerDeviceTopics: define({
    schema: optionalText,
    fallback: undefined,
    meaning: 'topics of ordinary devices there, as zigbee2mqtt/#,tele/+/SENSOR; they speak as brokerDeviceGateway',
  }),
  brokerDeviceGateway: define({
    schema: optionalText,
    fallback: undefined,
    meaning: 'gateway of the district that ordinary devices there belong to',
  }),
  logLevel: define({ schema: z.enum(logLevels), fallback: 'info', meaning: `one of ${logLevels.join(', ')}` }),
  redisUrl: define({
    schema: optionalText,
    fallback: undefined,
    meaning: 'Redis for the queue, redis://host:6379; without it the queue lives in PostgreSQL',
    secret: true,
  }),
  postgresUrl: define({
    schema: optionalText,
    fallback: undefined,
    meaning: 'PostgreSQL for warnings, orders and people; without it an embedded one',
    secret: true,
  }),
  influxUrl: define({
    schema: optionalText,
    fallback: undefined,
    meaning: 'InfluxDB for readings, http://host:8086; without it an embedded store',
  }),
  influxVersion: define({ schema: z.enum(['1', '2', '3']), fallback: '2', meaning: 'generation of that InfluxDB' }),
  influxDatabase: define({
    schema: z.string().min(1),
    fallback: 'forewarn',
    meaning: 'database (InfluxDB 1 and 3) or bucket (InfluxDB 2)',
  }),
  influxOrg: define({ schema: z.string().min(1), fallback: 'forewarn', meaning: 'organisation (InfluxDB 2)' }),
  influxToken: define({ schema: optionalText, fallback: undefined, meaning: 'token (InfluxDB 2 and 3)', secret: true }),
  influxUser: define({ schema: optionalText, fallback: undefined, meaning: 'user (InfluxDB 1)' }),
  influxPassword: define({ schema: optionalText, fallback: undefined, meaning: 'password (InfluxDB 1)', secret: true }),
  officerPassword: define({
    schema: z.string().min(8).optional(),
    fallback: undefined,
    meaning: 'password of the first duty officer; without it one is made at the first start',
    secret: true,
  }),
  openConsole: define({ schema: flag, fallback: 'false', meaning: 'open the console in a browser once it is ready' }),
} as const

export type SettingName = keyof typeof definitions
export type Settings = { readonly [Name in SettingName]: z.output<(typeof definitions)[Name]['schema']> }

/** A setting that cannot be used: one line says which, what was given, and what would be right. */
export interface BadSetting {
  readonly setting: SettingName
  readonly source: string
  readonly message: string
}

const settingNames = Object.keys(definitions).filter((name): name is SettingName => name in definitions)

/** `mqttPort` → `FOREWARN_MQTT_PORT`. */
export function variableOf(name: SettingName): string {
  return `FOREWARN_${name.replace(/[A-Z]/g, letter => `_${letter}`).toUpperCase()}`
}

/** `mqttPort` → `--mqtt-port`. */
export function flagOf(name: SettingName): string {
  return `--${name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`
}

export interface SettingSource {
  readonly flags: Readonly<Partial<Record<string, string>>>
  readonly variables: Readonly<Partial<Record<string, string>>>
}

export interface SettingLine {
  readonly name: SettingName
  readonly flag: string
  readonly variable: string
  readonly value: string
  readonly source: 'flag' | 'variable' | 'default'
  readonly meaning: string
}

function rawOf(name: SettingName, { flags, variables }: SettingSource) {
  const flagText = flags[name]
  if (flagText !== undefined) return { text: flagText, source: 'flag' as const }
  const variableText = variables[variableOf(name)]
  if (variableText !== undefined && variableText !== '') return { text: variableText, source: 'variable' as const }
  return { text: definitions[name].fallback, source: 'default' as const }
}

/** Reads all settings. Flags are keyed by setting name (`mqttPort`). The first bad one is returned instead. */
export function readSettings(source: SettingSource): Settings | BadSetting {
  const found: Record<string, unknown> = {}
  for (const name of settingNames) {
    const raw = rawOf(name, source)
    const parsed = definitions[name].schema.safeParse(raw.text)
    if (!parsed.success) return badSetting(name, raw, parsed.error)
    found[name] = parsed.data
  }
  return settingsSchema.parse(found)
}

// Already parsed one by one: this only tells the type system so.
const settingsSchema = z.custom<Settings>(value => typeof value === 'object' && value !== null)

function badSetting(
  name: SettingName,
  raw: { text: string | undefined; source: string },
  error: z.ZodError,
): BadSetting {
  const source = raw.source === 'variable' ? variableOf(name) : flagOf(name)
  const wrong = error.issues[0]?.message ?? 'not usable'
  return { setting: name, source, message: `${source}=${raw.text ?? ''}: ${wrong} (${definitions[name].meaning})` }
}

/** Whether `readSettings` gave an error. */
export function isBadSetting(result: Settings | BadSetting): result is BadSetting {
  return 'setting' in result && 'message' in result
}

/** All settings with value and origin, for people; secrets are shown as set or not. */
export function listSettings(source: SettingSource): SettingLine[] {
  return settingNames.map(name => {
    const raw = rawOf(name, source)
    const secret = 'secret' in definitions[name]
    const value = raw.text === undefined ? '' : secret ? '(set)' : raw.text
    return {
      name,
      flag: flagOf(name),
      variable: variableOf(name),
      value,
      source: raw.source,
      meaning: definitions[name].meaning,
    }
  })
}
