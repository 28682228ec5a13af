/**
 * The place where it happens: a house, an agent, the link between them, and the store if it is a server of its own.
 * Everything runs as processes of its own, on the same ports and folders after each death.
 */

import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { District } from '@forewarn/contracts/district'
import { keepSecrets, type Secrets } from '@forewarn/deploy/secrets'
import { holdPort } from '@forewarn/runtime/free-port'
import { type InfluxServer, influxdIsInstalled, startInfluxServer } from '@forewarn/store/influx/server'
import { type CuttableLink, cuttableLink } from '../cuttable-link.ts'
import { floodRule, writeSmallHouse } from '../small-district.ts'
import { agentGateway, chaosDistrict } from './chaos-district.ts'
import type { Victim } from './plan.ts'
import { type ProcessUnderFire, processUnderFire } from './process-under-fire.ts'
import { postgresUnderFire, redisUnderFire, type ServerUnderFire } from './servers.ts'
import { type SmallDisk, smallDisk } from './small-disk.ts'

/**
 * What the house stands on: nothing but itself; InfluxDB, Redis and PostgreSQL; or these, with the journal in Redis as
 * well.
 */
export const backings = ['embedded', 'servers', 'redis-journal'] as const
export type Backing = (typeof backings)[number]

export interface Site {
  readonly district: District
  readonly dataDir: string
  readonly secrets: Secrets
  readonly mqttUrl: string
  readonly pushUrl: string
  readonly house: ProcessUnderFire
  readonly agent: ProcessUnderFire
  readonly link: CuttableLink
  readonly servers: Servers | undefined
  readonly disk: SmallDisk | undefined
  /** kill -9. Resolves when all of the victim is gone. */
  kill(victim: Victim): Promise<void>
  /** Starts what `kill` ended. */
  revive(victim: Victim): Promise<void>
  tearDown(): Promise<void>
}

/** Redis holds the queue, PostgreSQL the warnings. */
export interface Servers {
  readonly store: InfluxServer
  readonly queue: ServerUnderFire
  readonly database: ServerUnderFire
}

const root = join(import.meta.dirname, '..', '..')
const diskMegabytes = 600

/** Builds the site in `dir`; nothing of it runs yet but the link and the store's server. */
export async function buildSite({ dir, backing }: { dir: string; backing: Backing }): Promise<Site> {
  const district = chaosDistrict()
  const disk = await smallDisk(join(dir, 'disk'), diskMegabytes)
  const dataDir = join(disk?.dir ?? dir, 'data')
  await mkdir(dataDir, { recursive: true })
  const secrets = await keepSecrets(
    dataDir,
    district.gateways.map(({ id }) => id),
  )
  const [mqttPort, httpPort, pushPort, redisPort, postgresPort] = await freePorts()
  const link = await cuttableLink(mqttPort)
  const servers = backing !== 'embedded' ? await startServers(dir, { redisPort, postgresPort }) : undefined
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
    env: { ...process.env, ...settingsFor(servers, backing) },
  })
  const agentFile = join(dir, 'agent.json')
  await writeFile(agentFile, JSON.stringify(agentSettings({ dir, secrets, brokerPort: link.port, pushPort })))
  const agent = processUnderFire({
    name: 'agent',
    program: process.execPath,
    args: [join(root, 'edge-agent', 'main.ts'), agentFile],
  })
  const parts = { house, agent, servers }
  return {
    ...{ district, dataDir, secrets, link, disk, ...parts },
    mqttUrl: `mqtt://127.0.0.1:${mqttPort}`,
    pushUrl: `http://127.0.0.1:${pushPort}`,
    kill: victim => killParts(victim, parts),
    revive: victim => reviveParts(victim, parts),
    async tearDown() {
      await Promise.all([house.kill(), agent.kill()])
      await Promise.all([servers?.store.stop(), servers?.queue.kill(), servers?.database.kill()])
      await link[Symbol.asyncDispose]()
      disk?.unmount()
    },
  }
}

interface Parts {
  readonly house: ProcessUnderFire
  readonly agent: ProcessUnderFire
  readonly servers: Servers | undefined
}

async function killParts(victim: Victim, { house, agent, servers }: Parts): Promise<void> {
  const isHit = (part: Victim) => victim === part || victim === 'all'
  await Promise.all([
    isHit('house') ? house.kill() : undefined,
    isHit('agent') ? agent.kill() : undefined,
    isHit('store') ? servers?.store.kill() : undefined,
    isHit('queue') ? servers?.queue.kill() : undefined,
    isHit('database') ? servers?.database.kill() : undefined,
  ])
}

/** The house and the agent do not wait for the servers, nor for each other. */
async function reviveParts(victim: Victim, { house, agent, servers }: Parts): Promise<void> {
  const isHit = (part: Victim) => victim === part || victim === 'all'
  if (isHit('house')) house.start()
  if (isHit('agent')) agent.start()
  await Promise.all([
    isHit('store') ? servers?.store.start() : undefined,
    isHit('queue') ? servers?.queue.start() : undefined,
    isHit('database') ? servers?.database.start() : undefined,
  ])
}

async function startServers(
  dir: string,
  { redisPort, postgresPort }: { redisPort: number; postgresPort: number },
): Promise<Servers> {
  if (!influxdIsInstalled()) throw new Error('influxd is not installed')
  const redisDir = join(dir, 'redis')
  await mkdir(redisDir)
  // PostgreSQL runs as a user of its own, who must be able to reach its folder.
  await chmod(dir, 0o755)
  const queue = redisUnderFire(redisDir, redisPort)
  const database = await postgresUnderFire(join(dir, 'postgres'), postgresPort)
  const [store] = await Promise.all([startInfluxServer(), queue.start(), database.start()])
  return { store, queue, database }
}

function settingsFor(servers: Servers | undefined, backing: Backing): NodeJS.ProcessEnv {
  if (servers === undefined) return {}
  return {
    FOREWARN_INFLUX_URL: servers.store.url,
    FOREWARN_INFLUX_VERSION: '1',
    FOREWARN_INFLUX_DATABASE: 'chaos',
    FOREWARN_REDIS_URL: servers.queue.url,
    FOREWARN_POSTGRES_URL: servers.database.url,
    ...(backing === 'redis-journal' ? { FOREWARN_JOURNAL: 'redis' } : {}),
  }
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

/** Five ports that nobody listens on: all are held until the last is known. */
async function freePorts(): Promise<[number, number, number, number, number]> {
  const held = await Promise.all([holdPort(), holdPort(), holdPort(), holdPort(), holdPort()])
  await Promise.all(held.map(port => port.release()))
  const [mqtt, http, push, redis, postgres] = held
  return [mqtt.port, http.port, push.port, redis.port, postgres.port]
}
