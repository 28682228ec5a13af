/**
 * The place where it happens: a house, an agent, the link between them, and the store if it is a server of its own.
 * Everything runs as processes of its own, on the same ports and folders after each death.
 */

import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { District } from '@forewarn/contracts/district'
import { keepSecrets, type Secrets } from '@forewarn/deploy/secrets'
import { type InfluxServer, influxdIsInstalled, startInfluxServer } from '@forewarn/store/influx-server'
import { type CuttableLink, cuttableLink } from '../cuttable-link.ts'
import { floodRule, writeSmallHouse } from '../small-district.ts'
import { agentGateway, chaosDistrict } from './chaos-district.ts'
import type { Victim } from './plan.ts'
import { type ProcessUnderFire, processUnderFire } from './process-under-fire.ts'
import { type SmallDisk, smallDisk } from './small-disk.ts'

export type StoreKind = 'embedded' | 'influx'

export interface Site {
  readonly district: District
  readonly dataDir: string
  readonly secrets: Secrets
  readonly mqttUrl: string
  readonly pushUrl: string
  readonly house: ProcessUnderFire
  readonly agent: ProcessUnderFire
  readonly link: CuttableLink
  readonly influx: InfluxServer | undefined
  readonly disk: SmallDisk | undefined
  /** kill -9. Resolves when all of the victim is gone. */
  kill(victim: Victim): Promise<void>
  /** Starts what `kill` ended. */
  revive(victim: Victim): Promise<void>
  tearDown(): Promise<void>
}

const root = join(import.meta.dirname, '..', '..')
const diskMegabytes = 600

/** Builds the site in `dir`; nothing of it runs yet but the link and the store's server. */
export async function buildSite({ dir, store }: { dir: string; store: StoreKind }): Promise<Site> {
  if (store === 'influx' && !influxdIsInstalled()) throw new Error('influxd is not installed')
  const district = chaosDistrict()
  const disk = await smallDisk(join(dir, 'disk'), diskMegabytes)
  const dataDir = join(disk?.dir ?? dir, 'data')
  await mkdir(dataDir, { recursive: true })
  const secrets = await keepSecrets(
    dataDir,
    district.gateways.map(({ id }) => id),
  )
  const [mqttPort, httpPort, pushPort] = await freePorts(3)
  const link = await cuttableLink(mqttPort)
  const influx = store === 'influx' ? await startInfluxServer() : undefined
  const { districtFile, rulesDir } = await writeSmallHouse(dir, { district, rules: { flood: floodRule } })
  const house = processUnderFire({
    name: 'house',
    program: process.execPath,
    args: [
      join(root, 'cli', 'main.ts'),
      'start',
      ...['--mqtt-port', String(mqttPort), '--http-port', String(httpPort)],
      ...['--data-dir', dataDir, '--district', districtFile, '--rules-dir', rulesDir],
    ],
    env: { ...process.env, ...influxSettings(influx) },
  })
  const agentFile = join(dir, 'agent.json')
  await writeFile(agentFile, JSON.stringify(agentSettings({ dir, secrets, brokerPort: link.port, pushPort })))
  const agent = processUnderFire({
    name: 'agent',
    program: process.execPath,
    args: [join(root, 'edge-agent', 'main.ts'), agentFile],
  })
  const parts = { house, agent, influx }
  return {
    ...{ district, dataDir, secrets, link, disk, ...parts },
    mqttUrl: `mqtt://127.0.0.1:${mqttPort}`,
    pushUrl: `http://127.0.0.1:${pushPort}`,
    kill: victim => killParts(victim, parts),
    revive: victim => reviveParts(victim, parts),
    async tearDown() {
      await Promise.all([house.kill(), agent.kill(), influx?.stop()])
      await link[Symbol.asyncDispose]()
      disk?.unmount()
    },
  }
}

interface Parts {
  readonly house: ProcessUnderFire
  readonly agent: ProcessUnderFire
  readonly influx: InfluxServer | undefined
}

async function killParts(victim: Victim, { house, agent, influx }: Parts): Promise<void> {
  const isAll = victim === 'all'
  await Promise.all([
    victim === 'house' || isAll ? house.kill() : undefined,
    victim === 'agent' || isAll ? agent.kill() : undefined,
    victim === 'store' || isAll ? influx?.kill() : undefined,
  ])
}

async function reviveParts(victim: Victim, { house, agent, influx }: Parts): Promise<void> {
  const isAll = victim === 'all'
  if (victim === 'house' || isAll) house.start()
  if (victim === 'agent' || isAll) agent.start()
  // The server takes its time to answer again; nobody waits for it but the house's writer.
  if (victim === 'store' || isAll) await influx?.start()
}

function influxSettings(influx: InfluxServer | undefined): NodeJS.ProcessEnv {
  if (influx === undefined) return {}
  return { FOREWARN_INFLUX_URL: influx.url, FOREWARN_INFLUX_VERSION: '1', FOREWARN_INFLUX_DATABASE: 'chaos' }
}

interface AgentPlace {
  readonly dir: string
  readonly secrets: Secrets
  readonly brokerPort: number
  readonly pushPort: number
}

function agentSettings({ dir, secrets, brokerPort, pushPort }: AgentPlace) {
  return {
    districtId: chaosDistrict().id,
    gateways: [{ id: agentGateway, password: secrets.gateways[agentGateway]?.password }],
    brokerUrl: `mqtt://127.0.0.1:${brokerPort}`,
    dataDir: join(dir, 'outbox'),
    push: { port: pushPort, token: secrets.pushToken },
    logLevel: 'error',
  }
}

async function freePorts(count: 3): Promise<[number, number, number]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      return server
    }),
  )
  const ports = servers.map(server => {
    const address = server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  })
  for (const server of servers) server.close()
  const [first = 0, second = 0, third = 0] = ports
  return [first, second, third]
}
