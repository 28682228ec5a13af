import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { AgentSettings, optionsOf } from './settings.ts'

const readme = readFileSync(new URL('README.md', import.meta.url), 'utf8')
const example: unknown = JSON.parse(/```json\n([\s\S]*?)\n```/.exec(readme)?.[1] ?? '')

const least = {
  districtId: 'jingan',
  brokerUrl: 'mqtt://127.0.0.1:1883',
  dataDir: '/var/lib/forewarn-edge',
  gateways: [{ id: 'gw-1', password: 'p' }],
  push: { port: 0, token: 'push-token' },
}

test('the example of the README is taken, and names every field that there is', () => {
  const settings = AgentSettings.parse(example)
  expect(new Set(Object.keys(settings))).toEqual(new Set(Object.keys(AgentSettings.shape)))
  const options = optionsOf(settings)
  expect(options.gateways[0]).toMatchObject({ id: 'gw-0007', format: 'columns', metered: true })
  expect(options.outbox).toEqual({ maxBytes: 64 * 1024 * 1024, maxAgeMs: 14 * 86_400_000, lingerMs: 200 })
})

test('what the README says a field is unless given, it is', () => {
  const options = optionsOf(AgentSettings.parse(least))
  expect(options).toMatchObject({
    gateways: [{ id: 'gw-1', format: 'senml', metered: false, emergencyRules: [] }],
    outbox: { maxBytes: 64 * 1024 * 1024, maxAgeMs: 14 * 86_400_000, lingerMs: 200 },
    outputs: {},
    configurationTrialMs: 300_000,
  })
})

const rule = { rule: 'r', place: 'p', hazard: 'waterlogging', sensor: 's', above: 1, clear: 0.5 }

test.each([
  [{ ...least, brokerUrl: 'http://127.0.0.1' }, 'brokerUrl'],
  [{ ...least, tls: { caFile: 'ca.pem' } }, 'brokerUrl is not mqtts://'],
  [{ ...least, brokerUrl: 'mqtts://b:8883', tls: { certFile: 'a.pem' } }, 'certFile and keyFile go together'],
  [{ ...least, outbox: 64 }, 'outbox'],
  [
    { ...least, gateways: [{ id: 'g', password: 'p', emergencyRules: [{ ...rule, outputs: ['siren'] }] }] },
    'not among',
  ],
  [{ ...least, gateways: [{ id: 'g', password: 'p', emergencyRules: [{ ...rule, below: 0 }] }] }, 'above or below'],
  [{ ...least, gateways: [{ id: 'g', password: 'p', emergencyRules: [{ ...rule, clear: 2 }] }] }, 'quiet side'],
])('settings that cannot be right are refused and say where: %#', (settings, complaint) => {
  const parsed = AgentSettings.safeParse(settings)
  expect(parsed.error?.message ?? '').toContain(complaint)
})
