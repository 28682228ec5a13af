/**
 * What a gateway says beside readings (birth, status, local alarms) and what it hears (commands, configuration).
 * Lives as long as the gateway's line; connections come and go.
 */
import {
  type Birth,
  Command,
  GatewayConfiguration,
  type LocalAlarm,
  type Status,
} from '@forewarn/contracts/gateway-messages'
import type { SenmlReading } from '@forewarn/contracts/senml'
import { type Packing, parseTopic, topicOf, type UpChannel } from '@forewarn/contracts/topics'
import type { Clock } from '@forewarn/runtime/clock'
import type { Log } from '@forewarn/runtime/log'
import type { MqttClient } from 'mqtt'
import type { Outbox } from '../outbox/outbox.ts'
import type { AlarmBox } from './alarm-box.ts'
import { measureHouseOffset } from './house-offset.ts'
import type { SensorList } from './sensor-list.ts'
import type { DeclaredNames } from './wording.ts'

export type Sampling = Extract<Command, { kind: 'sample' }>

export interface AnnouncerOptions {
  readonly districtId: string
  readonly gateway: string
  readonly software: string
  readonly outbox: Outbox
  readonly sensors: SensorList
  readonly alarms: AlarmBox
  readonly clock: Clock
  readonly log: Log
  /** What the status says of the configuration. */
  readonly configuration: () => Pick<Status, 'configuration' | 'configurationOnTrial' | 'refusedConfiguration'>
  readonly onSample: (command: Sampling) => void
  readonly onConfiguration: (configuration: GatewayConfiguration) => void
}

export interface Announcer {
  readonly statusTopic: string
  topicOf(channel: UpChannel, packing?: Packing): string
  /** A connection stands: says birth and status, sends the alarms that wait, listens. */
  up(client: MqttClient): void
  down(): void
  heard(topic: string, payload: Uint8Array): void
  /** The list to count columns in, when the house is sure to know it. Names that are new are declared soon. */
  declared(readings: readonly SenmlReading[]): DeclaredNames | undefined
  /** Says the status now: something in it has changed. */
  tell(): void
  /** Sends the alarms that wait. */
  sendAlarms(): void
  /** Resolves at the PUBACK, or when there is none for a second. */
  sayGoodbye(client: MqttClient): Promise<void>
}

const statusEveryMs = 60_000
/** A drill runs 600 times as fast, and a status is for people and counters. */
const leastStatusWallMs = 10_000
/** New names gather for so long before they are declared together. */
const birthLingerMs = 1000
const goodbyeWallMs = 1000

/** Announces nothing until it has a connection. */
export function createAnnouncer(options: AnnouncerOptions): Announcer {
  return new GatewayAnnouncer(options)
}

class GatewayAnnouncer implements Announcer {
  #options: AnnouncerOptions
  #offset = measureHouseOffset()
  #client: MqttClient | undefined
  #cancelStatus: (() => void) | undefined
  #cancelBirth: (() => void) | undefined
  /** The broker has acknowledged the list as it is, on this connection. */
  #isDeclared = false
  #alarmsInFlight = new Set<string>()
  readonly statusTopic: string

  constructor(options: AnnouncerOptions) {
    this.#options = options
    this.statusTopic = this.topicOf('status')
  }

  topicOf(channel: UpChannel, packing?: Packing): string {
    const { districtId, gateway } = this.#options
    return topicOf({ district: districtId, gateway, channel, packing })
  }

  up(client: MqttClient): void {
    this.#client = client
    const { districtId, gateway, clock, log } = this.#options
    const filters = (['command', 'config'] as const).map(channel => topicOf({ district: districtId, gateway, channel }))
    client.subscribe(filters, { qos: 1 }, error => {
      if (error) log.warn('commands-not-heard', { gateway, trouble: error.message })
    })
    void this.#sayBirth()
    this.tell()
    this.sendAlarms()
    this.#cancelStatus = clock.every(Math.max(statusEveryMs, leastStatusWallMs * clock.speed), () => this.tell())
  }

  down(): void {
    this.#client = undefined
    this.#isDeclared = false
    this.#alarmsInFlight.clear()
    this.#cancelStatus?.()
    this.#cancelBirth?.()
    this.#cancelBirth = undefined
  }

  async #sayBirth(): Promise<void> {
    const { sensors, software, configuration, gateway, log } = this.#options
    const client = this.#client
    this.#isDeclared = false
    this.#cancelBirth = undefined
    await sensors.renew().catch((error: unknown) => {
      // Declared all the same: should the agent start anew without it, its next birth says so.
      log.warn('sensor-list-not-kept', { gateway, trouble: String(error) })
    })
    if (client === undefined || client !== this.#client) return
    const birth: Birth = {
      birth: sensors.birth,
      sensors: sensors.sensors.slice(),
      software,
      configuration: configuration().configuration,
    }
    this.#publish(client, { channel: 'birth', payload: JSON.stringify(birth) }, () => {
      if (client === this.#client && sensors.birth === birth.birth) this.#isDeclared = true
    })
  }

  #publish(
    client: MqttClient,
    { channel, payload }: { channel: 'birth' | 'status'; payload: string },
    whenKept: () => void = () => {},
  ): void {
    client.publish(this.topicOf(channel), payload, { qos: 1, retain: true }, error => {
      if (error) this.#options.log.debug('uplink-not-announced', { channel, trouble: error.message })
      else whenKept()
    })
  }

  declared(readings: readonly SenmlReading[]): DeclaredNames | undefined {
    const { sensors, clock } = this.#options
    let isNew = false
    for (const { name } of readings) if (sensors.learn(name)) isNew = true
    if (isNew) this.#cancelBirth ??= clock.after(birthLingerMs, () => void this.#sayBirth())
    return this.#isDeclared ? sensors : undefined
  }

  tell(): void {
    const client = this.#client
    if (client === undefined) return
    const { outbox, gateway, log } = this.#options
    const status = this.#status()
    // Counters that a crash could take back are not told before the disk has them.
    outbox.settled().then(
      () => {
        if (client !== this.#client) return
        this.#offset.asked(status.atMs)
        this.#publish(client, { channel: 'status', payload: JSON.stringify(status) })
      },
      (error: unknown) => log.warn('status-not-told', { gateway, trouble: String(error) }),
    )
  }

  #status(): Status & { atMs: number } {
    const { outbox, clock, configuration } = this.#options
    const { handedOver, acknowledged, droppedReadings, readings, bytes, ...by } = outbox.status()
    const clockOffsetMs = this.#offset.offsetMs()
    return {
      state: 'online',
      atMs: clock.nowMs(),
      ...(clockOffsetMs === undefined ? {} : { clockOffsetMs }),
      nextSequence: outbox.nextSequence,
      sentReadings: handedOver,
      acknowledgedReadings: acknowledged,
      droppedReadings,
      droppedBy: { bytes: by.crowdedOut, age: by.aged, damaged: by.damaged },
      waitingReadings: readings,
      waitingBytes: bytes,
      ...configuration(),
    }
  }

  heard(topic: string, payload: Uint8Array): void {
    const { gateway, log, onConfiguration } = this.#options
    const channel = parseTopic(topic)?.channel
    const said = parseJson(payload)
    if (channel === 'config') {
      const configuration = GatewayConfiguration.safeParse(said)
      if (configuration.success) onConfiguration(configuration.data)
      // An empty message is how a retained one is taken away: it asks for nothing.
      else if (payload.length > 0)
        log.warn('configuration-unreadable', { gateway, trouble: configuration.error.message })
      return
    }
    const command = Command.safeParse(said)
    if (command.success) this.#obey(command.data)
    else log.warn('command-unreadable', { gateway, topic, trouble: command.error.message })
  }

  #obey(command: Command): void {
    switch (command.kind) {
      case 'rebirth':
        void this.#sayBirth()
        return this.tell()
      case 'time':
        return this.#offset.heard(command, this.#options.clock.nowMs())
      case 'sample': {
        // `untilMs` is the house's: by a clock that is a day ahead the storm would be over at once.
        const untilMs = command.untilMs + (this.#offset.offsetMs() ?? 0)
        return this.#options.onSample({ ...command, untilMs })
      }
    }
  }

  sendAlarms(): void {
    const client = this.#client
    if (client === undefined) return
    for (const alarm of this.#options.alarms.waiting()) {
      const said = JSON.stringify(alarm)
      if (this.#alarmsInFlight.has(said)) continue
      this.#alarmsInFlight.add(said)
      client.publish(this.topicOf('alarm'), said, { qos: 1 }, error => {
        if (client !== this.#client || error) return
        this.#alarmsInFlight.delete(said)
        this.#forget(alarm)
      })
    }
  }

  #forget(alarm: LocalAlarm): void {
    const { alarms, gateway, log } = this.#options
    alarms.delivered(alarm).catch((error: unknown) => {
      // It goes once more after the next connection, which the house recognises by its id.
      log.warn('alarm-not-forgotten', { gateway, alarm: alarm.id, trouble: String(error) })
    })
  }

  async sayGoodbye(client: MqttClient): Promise<void> {
    const state: Status = { ...this.#status(), state: 'offline' }
    await new Promise<void>(resolve => {
      const tooLate = setTimeout(resolve, goodbyeWallMs)
      this.#publish(client, { channel: 'status', payload: JSON.stringify(state) }, () => {
        clearTimeout(tooLate)
        resolve()
      })
    })
  }
}

function parseJson(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload).toString())
  } catch {
    return undefined // no JSON: the schema refuses undefined, and the refusal is logged
  }
}
