/**
 * A field gateway as a stranger's firmware would be: it publishes SenML at QoS 1 and remembers what was acknowledged.
 */
import { formatSenml, type SenmlReading } from '@forewarn/contracts/senml'
import { topicOf } from '@forewarn/contracts/topics'
import mqtt, { type MqttClient } from 'mqtt'
import type { HouseProcess } from './house-process.ts'

/** Connects as `id`, once: a connection that ends stays ended. */
export async function connectGateway(
  { mqttUrl, passwordOf }: Pick<HouseProcess, 'mqttUrl' | 'passwordOf'>,
  id: string,
): Promise<MqttClient> {
  const client = await mqtt.connectAsync(mqttUrl, {
    username: id,
    clientId: id,
    password: passwordOf(id),
    reconnectPeriod: 0,
  })
  // A house that is killed breaks the connection; the tests see it by what was not acknowledged.
  client.on('error', () => {})
  return client
}

export function readingsTopic(gateway: string): string {
  return topicOf({ district: 'small', gateway, channel: 'readings' })
}

/** Resolves at the PUBACK. Text goes as it is. */
export async function publish(
  client: MqttClient,
  { topic, payload }: { readonly topic: string; readonly payload: readonly SenmlReading[] | string },
): Promise<void> {
  await client.publishAsync(topic, typeof payload === 'string' ? payload : formatSenml(payload), { qos: 1 })
}

/** Batches that are under way at a time: enough to share a write to disk, few enough that a kill meets a stream. */
const lanes = 8

/**
 * Publishes these batches, eight under way at a time, and calls `onAcknowledged` with each one's number at its PUBACK.
 * Resolves when all are acknowledged or the connection has ended.
 */
export async function stream(
  client: MqttClient,
  {
    topic,
    batches,
    onAcknowledged,
  }: {
    readonly topic: string
    readonly batches: ReadonlyMap<number, readonly SenmlReading[]>
    readonly onAcknowledged: (batch: number) => void
  },
): Promise<void> {
  const closed = new Promise<void>(resolve => client.once('close', resolve))
  const waiting = batches.entries()
  const lane = async () => {
    for (const [number, readings] of waiting) {
      await client.publishAsync(topic, formatSenml(readings, { sequence: number }), { qos: 1 })
      onAcknowledged(number)
    }
  }
  // A lane ends with an error when the house is killed; that the connection has closed says the same.
  const streaming = Promise.all(Array.from({ length: lanes }, lane)).catch(() => closed)
  await Promise.race([closed, streaming])
  await client.endAsync(true)
}
