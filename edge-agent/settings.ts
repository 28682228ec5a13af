/**
 * The settings file of an agent that runs by itself: JSON, checked whole before anything starts. README.md beside it
 * says every field with an example.
 */
import { Id } from '@forewarn/contracts/district'
import { logLevels } from '@forewarn/runtime/log'
import { z } from 'zod'
import { EmergencyRule } from './emergency.ts'
import { Outputs } from './outputs.ts'
import type { EdgeAgentOptions } from './start.ts'

const wording = { format: z.enum(['senml', 'columns']).optional(), metered: z.boolean().optional() }

const GatewaySettings = z.strictObject({
  id: Id,
  /** As the house gave it to this gateway. */
  password: z.string().min(1),
  sensors: z.array(Id).optional(),
  ...wording,
  emergencyRules: z.array(EmergencyRule).optional(),
})

export const AgentSettings = z
  .strictObject({
    districtId: Id,
    gateways: z.array(GatewaySettings).min(1),
    /** `mqtt://` or `mqtts://`, host and port. */
    brokerUrl: z.url({ protocol: /^mqtts?$/ }),
    tls: z
      .strictObject({ caFile: z.string().min(1), certFile: z.string().min(1), keyFile: z.string().min(1) })
      .partial()
      .optional(),
    dataDir: z.string().min(1),
    /** Device profiles, one YAML file per field source; see sources/README.md. */
    profilesDir: z.string().min(1).optional(),
    ...wording,
    batchLingerMs: z.number().int().min(0).max(60_000).default(200),
    outboxMaxMb: z.number().positive().default(64),
    outboxMaxDays: z.number().positive().default(14),
    outputs: Outputs.default({}),
    configurationTrialMin: z.number().positive().default(5),
    push: z.strictObject({
      host: z.string().default('127.0.0.1'),
      port: z.number().int().min(0).max(65_535),
      token: z.string().min(8),
    }),
    logLevel: z.enum(logLevels).default('info'),
  })
  .superRefine(({ brokerUrl, tls, gateways, outputs }, context) => {
    const complain = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message })
    if (tls !== undefined && !brokerUrl.startsWith('mqtts:'))
      complain(['tls'], 'files for TLS are given, and brokerUrl is not mqtts://')
    if ((tls?.certFile === undefined) !== (tls?.keyFile === undefined))
      complain(['tls'], 'certFile and keyFile go together')
    for (const [at, { emergencyRules = [] }] of gateways.entries())
      for (const name of emergencyRules.flatMap(rule => rule.outputs))
        if (!Object.hasOwn(outputs, name))
          complain(['gateways', at, 'emergencyRules'], `output "${name}" is not among outputs`)
  })
export type AgentSettings = z.infer<typeof AgentSettings>

const dayMs = 24 * 60 * 60 * 1000

/** The settings as the agent's options. */
export function optionsOf(settings: AgentSettings): Omit<EdgeAgentOptions, 'clock' | 'log' | 'metrics'> {
  const { districtId, brokerUrl, tls, dataDir, profilesDir, outputs, push } = settings
  return {
    ...{ districtId, brokerUrl, dataDir, profilesDir, outputs, push },
    ...(tls === undefined ? {} : { tls }),
    gateways: settings.gateways.map(({ id, password, sensors, format, metered, emergencyRules = [] }) => ({
      ...{ id, password, emergencyRules },
      ...(sensors === undefined ? {} : { sensors }),
      format: format ?? settings.format ?? 'senml',
      metered: metered ?? settings.metered ?? false,
    })),
    outbox: {
      maxBytes: settings.outboxMaxMb * 1024 * 1024,
      maxAgeMs: settings.outboxMaxDays * dayMs,
      lingerMs: settings.batchLingerMs,
    },
    configurationTrialMs: settings.configurationTrialMin * 60_000,
  }
}
