/**
 * A broker on this site as a source: devices publish there in their own topics and words. The session is kept, so that
 * the broker holds what comes while the agent is away; a message is acknowledged once its readings are on disk.
 */
import { readFileSync } from 'node:fs'
import type { SenmlReading } from '@forewarn/contracts/senml'
import { connect, type IPublishPacket, type MqttClient } from 'mqtt'
import { readTlsFiles } from '../../uplink/tls-files.ts'
import { readingOrMissing } from '../said-missing.ts'
import { type Source, type Surroundings, sourceKind } from '../source.ts'
import { matchesFilter, type PayloadReader, payloadReader } from './payload.ts'
import { LocalMqttProfile, type MqttSensor } from './profile.ts'

export const localMqttKind = sourceKind({
  kind: 'local-mqtt',
  profile: LocalMqttProfile,
  sensors: ({ sensors }) => sensors.map(({ sensor }) => sensor),
  start: async (profile, around) => startLocalMqtt(profile, around),
})

function startLocalMqtt(profile: LocalMqttProfile, around: Surroundings): Source {
  const desk = new Desk(profile, around)
  const client = connectTo(profile)
  let trouble: string | undefined = 'not connected yet'
  client.on('connect', () => {
    trouble = undefined
    const filters = [...new Set(profile.sensors.map(({ topic }) => topic))]
    client.subscribe(filters, { qos: 1 }, error => {
      if (error) trouble = `the broker refused the subscription: ${error.message}`
    })
  })
  client.on('error', error => (trouble = error.message))
  client.on('close', () => (trouble ??= 'the connection to the broker is lost'))
  let taking: Promise<void> = Promise.resolve()
  let stopped = false
  client.handleMessage = (packet, done) => {
    // Left unacknowledged, for the next start.
    if (stopped) return
    taking = desk.take(packet).then(
      () => done(),
      (error: unknown) => {
        desk.notKept(error)
        // Unacknowledged: the broker sends it again with the next connection.
        client.stream.destroy()
      },
    )
  }
  return {
    kind: 'local-mqtt',
    status: () => ({
      state: trouble === undefined ? 'running' : 'troubled',
      counts: desk.counts,
      ...(trouble === undefined ? {} : { trouble }),
    }),
    async stop() {
      stopped = true
      await taking
      await endInOrder(client)
    },
  }
}

/** So that the last acknowledgement goes out: else its message would come again, and count as of then. */
async function endInOrder(client: MqttClient): Promise<void> {
  if (!client.connected) return await client.endAsync(true)
  const force = setTimeout(() => client.end(true), 1000)
  await client.endAsync(false)
  clearTimeout(force)
}

function connectTo({ broker, clientId }: LocalMqttProfile): MqttClient {
  const { url, username, passwordFile, ...tls } = broker
  return connect(url, {
    clientId,
    protocolVersion: 4,
    clean: false,
    reconnectPeriod: 2000,
    keepalive: 30,
    ...(username === undefined ? {} : { username }),
    ...(passwordFile === undefined ? {} : { password: readFileSync(passwordFile, 'utf8').trim() }),
    ...readTlsFiles(tls),
  })
}

/** Values older than this are not of now. */
const backlogAfterMs = 15 * 60_000

class Desk {
  #gateway: string
  #around: Surroundings
  #sensors: readonly { readonly sensor: MqttSensor; readonly read: PayloadReader }[]
  readonly counts = { messages: 0, readings: 0, bad: 0, retained: 0, 'not-kept': 0 }

  constructor({ gateway, sensors }: LocalMqttProfile, around: Surroundings) {
    this.#gateway = gateway
    this.#around = around
    this.#sensors = sensors.map(sensor => ({ sensor, read: payloadReader(sensor) }))
  }

  /** Resolves once what is in it is on disk. */
  async take({ topic, payload, retain }: IPublishPacket): Promise<void> {
    this.counts.messages++
    const text = payload.toString()
    const nowMs = this.#around.clock.nowMs()
    const readings: SenmlReading[] = []
    for (const { sensor, read } of this.#sensors) {
      if (!matchesFilter(sensor.topic, topic)) continue
      const found = read(text)
      if (found === 'absent') continue
      if ('fault' in found) this.#refuse({ topic, fault: found.fault, sensor: sensor.sensor, original: text })
      // A retained message is of some earlier time, and without a time of its own nobody knows of which.
      else if (retain && found.atMs === undefined) this.counts.retained++
      else readings.push(readingOrMissing(sensor, found.raw, found.atMs ?? nowMs))
    }
    for (const backlog of [false, true]) {
      const some = readings.filter(({ timeMs }) => timeMs < nowMs - backlogAfterMs === backlog)
      if (some.length > 0) await this.#around.take(this.#gateway, some, { backlog })
      this.counts.readings += some.length
    }
  }

  #refuse({
    topic,
    fault,
    sensor,
    original,
  }: {
    topic: string
    fault: string
    sensor: string
    original: string
  }): void {
    this.counts.bad++
    this.#around.refuse({ reason: 'bad-payload', detail: `${topic} for ${sensor}: ${fault}`, original })
  }

  notKept(error: unknown): void {
    this.counts['not-kept']++
    this.#around.log.error('local-message-not-kept', { trouble: String(error) })
  }
}
