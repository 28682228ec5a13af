/**
 * Gateways that never stop talking: over MQTT themselves, or through an agent. Each says the same thing until it is
 * acknowledged, as real firmware does, and some have the bad habits of real firmware.
 */
import { zstdCompressSync } from 'node:zlib'
import { formatColumns } from '@forewarn/contracts/columns'
import { formatSenml } from '@forewarn/contracts/senml'
import { type TopicAddress, topicOf } from '@forewarn/contracts/topics'
import type { Clock } from '@forewarn/runtime/clock'
import type { Chance } from '@forewarn/simulators/chance'
import mqtt, { type MqttClient } from 'mqtt'
import type { Account, Finding, Said } from './account.ts'

export interface Talker {
  readonly gateway: string
  /** Says nothing new any more; resolves when everything said was acknowledged. */
  finish(): Promise<void>
  /** Leaves at once. */
  leave(): Promise<void>
}

/** Bad habits of a gateway's firmware. */
export interface Habits {
  /** Batches go out in any order, and some of them twice. */
  readonly shuffles?: boolean
  /** Its clock is off by so much, ms. */
  readonly skewMs?: number
  /** It declares its sensors at birth and sends packed columns from then on. */
  readonly inColumns?: boolean
}

interface TalkerParts {
  readonly districtId: string
  readonly gateway: string
  readonly sensors: readonly string[]
  readonly account: Account
  readonly clock: Clock
  readonly chance: Chance
}

const batchReadings = 20
const pauseMs = 40
const lanes = 3

/** Makes readings that are told apart: no two of a sensor have the same time, nor the same value. */
function readingsMaker({ sensors, clock }: TalkerParts, skewMs: number) {
  let number = 0
  let lastMs = 0
  return (): Said[] =>
    Array.from({ length: batchReadings }, () => {
      const sensor = sensors[number % sensors.length] ?? ''
      // One time for a round of all sensors: a time for each reading would run ahead of the clock, and be disbelieved.
      if (number % sensors.length === 0) lastMs = Math.max(lastMs + 1, clock.nowMs() + skewMs)
      return { sensor, timeMs: lastMs, value: number++ / 16 }
    })
}

/** A gateway on the broker, with MQTT.js's own reconnection and resending. */
export function startMqttTalker(
  parts: TalkerParts & { readonly url: string; readonly password: string },
  habits: Habits = {},
): Talker {
  const { gateway, account, clock, chance } = parts
  const address = { district: parts.districtId, gateway }
  const client = mqtt.connect(parts.url, {
    clientId: gateway,
    username: gateway,
    password: parts.password,
    protocolVersion: 4,
    reconnectPeriod: 150,
    connectTimeout: 5000,
    keepalive: 5,
  })
  client.on('error', () => {}) // a house that is down is why we are here
  const make = readingsMaker(parts, habits.skewMs ?? 0)
  const finding: Finding = habits.skewMs === undefined ? 'by-time' : 'by-value'
  let sequence = 0
  let isFinishing = false
  const wording = habits.inColumns ? columnsWording(parts.sensors) : senmlWording
  if (habits.inColumns) {
    const birth = JSON.stringify({ birth: 1, sensors: parts.sensors })
    client.on('connect', () =>
      client.publish(topicOf({ ...address, channel: 'birth' }), birth, { qos: 1, retain: true }),
    )
  }
  const say = async (said: readonly Said[], number: number) => {
    const { payload, ...channel } = wording(said, number)
    await client.publishAsync(topicOf({ ...address, ...channel }), payload, { qos: 1 })
  }
  const lane = async () => {
    while (!isFinishing) {
      const batches = Array.from({ length: habits.shuffles ? 5 : 1 }, () => ({ said: make(), number: sequence++ }))
      for (const { said } of batches) account.offered(said)
      const order = habits.shuffles ? chance.shuffled([...batches, chance.pick(batches)]) : batches
      await Promise.all(order.map(({ said, number }) => say(said, number)))
      for (const { said } of batches) account.acknowledged(said, { finding, by: 'broker' })
      await pause(clock)
    }
  }
  const talking = Promise.allSettled(Array.from({ length: habits.shuffles ? 1 : lanes }, lane))
  return talkerOf(gateway, { client, talking, finish: () => void (isFinishing = true) })
}

interface Worded extends Pick<TopicAddress, 'channel' | 'packing'> {
  readonly payload: string | Buffer
}

function senmlWording(said: readonly Said[], sequence: number): Worded {
  return { channel: 'readings', payload: formatSenml(said.map(senmlOf), { sequence }) }
}

function columnsWording(sensors: readonly string[]): typeof senmlWording {
  return (said, seq) => {
    const t = said[0]?.timeMs ?? 0
    const columns = formatColumns({
      birth: 1,
      seq,
      backlog: false,
      t,
      i: said.map(({ sensor }) => sensors.indexOf(sensor)),
      d: said.map(({ timeMs }) => timeMs - t),
      v: said.map(({ value }) => value),
    })
    return { channel: 'columns', packing: 'zstd', payload: zstdCompressSync(columns) }
  }
}

function talkerOf(
  gateway: string,
  { client, talking, finish }: { client: MqttClient; talking: Promise<unknown>; finish: () => void },
): Talker {
  return {
    gateway,
    async finish() {
      finish()
      await talking
      await client.endAsync()
    },
    async leave() {
      finish()
      await client.endAsync(true)
    },
  }
}

/** Devices behind an agent: they push until they are told 204, taken. */
export function startPushTalker(parts: TalkerParts & { readonly pushUrl: string; readonly token: string }): Talker {
  const { gateway, account, clock, pushUrl, token } = parts
  const make = readingsMaker(parts, 0)
  let isFinishing = false
  const isTaken = async (body: string): Promise<boolean> => {
    try {
      const url = `${pushUrl}/push/${gateway}`
      const signal = AbortSignal.timeout(5000)
      const answer = await fetch(url, { method: 'POST', headers: { authorization: `Bearer ${token}` }, body, signal })
      await answer.arrayBuffer()
      return answer.status === 204
    } catch {
      return false // the agent is down: again
    }
  }
  const talk = async () => {
    while (!isFinishing) {
      const said = make()
      account.offered(said)
      const body = formatSenml(said.map(senmlOf))
      while (!(await isTaken(body))) await pause(clock)
      account.acknowledged(said, { finding: 'by-time', by: 'agent' })
      await pause(clock)
    }
  }
  const talking = talk()
  const finish = async () => {
    isFinishing = true
    await talking
  }
  return { gateway, finish, leave: finish }
}

function senmlOf({ sensor, timeMs, value }: Said) {
  return { name: sensor, timeMs, value }
}

function pause(clock: Clock): Promise<void> {
  return new Promise(resolve => void clock.after(pauseMs, resolve))
}
