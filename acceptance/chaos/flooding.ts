/**
 * Water on one road after the other while everything is killed: each must end as one warning, raised once.
 */
import { formatSenml } from '@forewarn/contracts/senml'
import { topicOf } from '@forewarn/contracts/topics'
import { runningHouse } from '@forewarn/deploy/data-dir'
import type { Clock } from '@forewarn/runtime/clock'
import mqtt from 'mqtt'
import { z } from 'zod'
import { depthOf } from '../small-district.ts'
import { roads, roadsGateway } from './chaos-district.ts'
import type { Site } from './site.ts'

export interface Flooding {
  /** Floods the next road, if there is one left. Resolves at the PUBACK, however long that takes. */
  next(): void
  /** Resolves when all that was said is acknowledged. */
  finish(): Promise<readonly string[]>
}

export function startFlooding({ mqttUrl, secrets, district }: Site, clock: Clock): Flooding {
  const client = mqtt.connect(mqttUrl, {
    clientId: roadsGateway,
    username: roadsGateway,
    password: secrets.gateways[roadsGateway]?.password ?? '',
    protocolVersion: 4,
    reconnectPeriod: 150,
    connectTimeout: 5000,
  })
  client.on('error', () => {}) // a house that is down is why we are here
  const topic = topicOf({ district: district.id, gateway: roadsGateway, channel: 'readings' })
  const flooded: string[] = []
  const said: Promise<unknown>[] = []
  return {
    next() {
      const road = roads[flooded.length]
      if (road === undefined) return
      flooded.push(road)
      const payload = formatSenml([{ name: depthOf(road), timeMs: clock.nowMs(), value: 0.2 }])
      said.push(client.publishAsync(topic, payload, { qos: 1 }))
    },
    async finish() {
      await Promise.all(said)
      await client.endAsync()
      return flooded
    },
  }
}

const Snapshot = z.object({
  warnings: z.array(z.object({ placeId: z.string(), timeline: z.array(z.object({ event: z.string() })) })),
})

export interface WarningsFound {
  /** Roads without a warning. */
  readonly missing: readonly string[]
  /** Roads with two, or with one that was raised twice. */
  readonly twice: readonly string[]
}

/** Asks the house that runs; undefined while it does not answer. */
export async function warningsOf(
  { dataDir, secrets }: Site,
  flooded: readonly string[],
): Promise<WarningsFound | undefined> {
  const house = await runningHouse(dataDir)
  if (house === undefined) return undefined
  const headers = { authorization: `Bearer ${secrets.innerToken}` }
  const answer = await fetch(`${house.consoleUrl}/api/snapshot`, { headers }).catch(() => undefined)
  if (answer?.ok !== true) return undefined
  const { warnings } = Snapshot.parse(await answer.json())
  const of = (road: string) => warnings.filter(({ placeId }) => placeId === road)
  const raised = (road: string) =>
    of(road).flatMap(({ timeline }) => timeline.filter(({ event }) => event === 'raised'))
  return {
    missing: flooded.filter(road => of(road).length === 0),
    twice: flooded.filter(road => of(road).length > 1 || raised(road).length > 1),
  }
}
