/**
 * `forewarn gateway`: what whoever wires a gateway needs: where to connect, as whom, and one message that works.
 */
import type { District } from '@forewarn/contracts/district'
import { quantities } from '@forewarn/contracts/quantity'
import { topicOf } from '@forewarn/contracts/topics'
import { Command } from 'commander'
import { z } from 'zod'
import { districtFor } from '../district.ts'
import { WrongUse } from '../exit-codes.ts'
import { findHouse, type HouseDoor } from '../running-house.ts'
import { settingsOf, withSettingFlags } from '../setting-flags.ts'
import { complain, say, sayJson, table } from '../terminal.ts'

export function gatewayCommand(): Command {
  return withSettingFlags(new Command('gateway'))
    .summary('show what a gateway needs to connect')
    .description(
      'Without an id: the gateways of the district. With one: its address, credential, topic and a first message.',
    )
    .argument('[id]', 'id of the gateway')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  forewarn gateway gw-tidal-2')
    .action(showGateway)
}

async function showGateway(id: string | undefined, options: Record<string, unknown>): Promise<void> {
  const settings = settingsOf(options)
  const door = await findHouse(settings.dataDir)
  if (door === undefined)
    throw new WrongUse(
      `no house runs in ${settings.dataDir}: start one with forewarn start, or name its folder with --data-dir`,
    )
  const district = await districtFor(settings)
  const json = options['json'] === true
  if (id === undefined) return listGateways(district, { json })
  const access = accessOf(id, district, door)
  const renewed = await renewedOn(id, door)
  if (renewed !== undefined)
    complain(`forewarn: ${id} was given another password on ${renewed}; the one below is no longer good`)
  if (json) return sayJson(access)
  for (const row of table(Object.entries(access).map(([name, value]) => [name, String(value)]))) say(row)
}

function listGateways({ gateways, sensors }: District, { json }: { json: boolean }): void {
  const counts = new Map<string, number>()
  for (const { gateway } of sensors) counts.set(gateway, (counts.get(gateway) ?? 0) + 1)
  const rows = gateways.map(({ id, kind }) => ({ id, kind, sensors: counts.get(id) ?? 0 }))
  if (json) return sayJson(rows)
  for (const row of table([
    ['gateway', 'kind', 'sensors'],
    ...rows.map(row => [row.id, row.kind, String(row.sensors)]),
  ]))
    say(row)
}

function accessOf(id: string, district: District, { house, secrets }: HouseDoor) {
  const password = secrets.gateways[id]?.password
  if (password === undefined)
    throw new WrongUse(`there is no gateway ${id} in ${house.districtId}: forewarn gateway lists them`)
  const topic = topicOf({ district: house.districtId, gateway: id, channel: 'readings' })
  const host = house.mqttHost === '0.0.0.0' ? '127.0.0.1' : house.mqttHost
  const sensor = district.sensors.find(({ gateway }) => gateway === id)
  const address = `-h ${host} -p ${house.mqttPort} -u ${id} -P '${password}'`
  const base = { host, port: house.mqttPort, username: id, password, topic }
  if (sensor === undefined) return base
  const { unit } = quantities[sensor.quantity]
  // A client id of its own under the gateway's: with the bare id it would push out the gateway itself.
  const message = `[{"n":"${sensor.id}","u":"${unit}","v":0}]`
  return { ...base, try: `mosquitto_pub ${address} -i ${id}/try -q 1 -t ${topic} -m '${message}'` }
}

const Listed = z.array(z.object({ id: z.string(), renewedAtMs: z.number().optional() }))

/** The day on which `forewarn gateways` gave it a password that is kept nowhere; undefined when it never did. */
async function renewedOn(id: string, { house, secrets }: HouseDoor): Promise<string | undefined> {
  if (house.brokerUrl === undefined) return undefined
  const headers = { authorization: `Bearer ${secrets.innerToken}` }
  const response = await fetch(new URL('/gateways', house.brokerUrl), { headers })
  const atMs = Listed.parse(await response.json()).find(gateway => gateway.id === id)?.renewedAtMs
  return atMs === undefined ? undefined : new Date(atMs).toISOString().slice(0, 10)
}
