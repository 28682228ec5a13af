import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { listSettings } from '@forewarn/runtime/settings'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'

const Compose = z.object({
  services: z.record(
    z.string(),
    z.object({
      image: z.string().optional(),
      environment: z.record(z.string(), z.string()),
      volumes: z.array(z.string()),
      depends_on: z.record(z.string(), z.unknown()).optional(),
    }),
  ),
  volumes: z.record(z.string(), z.unknown()),
})

const text = readFileSync(join(import.meta.dirname, 'compose.yaml'), 'utf8')
const { services, volumes } = Compose.parse(parse(text))
const secretNames = /PASSWORD|TOKEN|REDISCLI_AUTH/

test('every variable that compose gives to Forewarn is a setting', () => {
  const known = listSettings({ flags: {}, variables: {} }).map(({ variable }) => variable)
  const given = Object.keys(services['forewarn']?.environment ?? {})
  expect(given.length).toBeGreaterThan(0)
  expect(known).toEqual(expect.arrayContaining(given))
})

test('no secret is written down, and none has a default', () => {
  for (const { environment } of Object.values(services))
    for (const [name, value] of Object.entries(environment))
      if (secretNames.test(name)) expect(value, name).toMatch(/^\$\{[A-Z_]+:\?/)
})

test('every secret is made by compose-secrets', () => {
  const maker = readFileSync(join(import.meta.dirname, 'setup', 'compose-secrets.mjs'), 'utf8')
  const asked = new Set([...text.matchAll(/\$\{([A-Z_]+)/g)].map(match => match[1] ?? ''))
  for (const name of asked) expect(maker).toContain(`'${name}'`)
})

test('what Forewarn waits for is there, and every volume is declared', () => {
  for (const { depends_on: waitsFor = {}, volumes: mounted } of Object.values(services)) {
    for (const name of Object.keys(waitsFor)) expect(services).toHaveProperty(name)
    for (const mount of mounted) expect(volumes).toHaveProperty(mount.split(':')[0] ?? '')
  }
})
