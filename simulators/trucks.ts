/**
 * Simulated vehicle terminals: each truck listens for orders on its own MQTT connection, drives the ordered route at
 * a speed the rain allows, and reports where it is.
 */
import type { Unit } from '@forewarn/contracts/district'
import { distanceM, type Position } from '@forewarn/contracts/geography'
import { OrderMessage, type ProgressMessage } from '@forewarn/contracts/order'
import { topicOf } from '@forewarn/contracts/topics'
import { connect, type MqttClient } from 'mqtt'
import { type Pace, pacedMs } from './pace.ts'

export interface TrucksOptions {
  readonly districtId: string
  readonly units: readonly Unit[]
  readonly brokerUrl: string
  /** By vehicle gateway id. */
  readonly passwords: ReadonlyMap<string, string>
  readonly clock: Pace
  /** Whether water stands at a place now: a truck that waits there begins to pump. Without it, after two minutes. */
  readonly isWet?: (placeId: string, atMs: number) => boolean
}

export interface Trucks {
  stop(): Promise<void>
}

/** A truck under way reports this often, in house time; one that is free every tenth time. */
const reportEveryMs = 15_000
const freeReports = 10
/** Through the city in heavy rain. */
export const drivingKmPerHour = 27
/** How long a truck stands ready before it begins to work, where nobody can tell it of water. */
const setUpMs = 120_000

/** Starts one terminal per unit. They connect on their own time and again when the connection is lost. */
export function startTrucks(options: TrucksOptions): Trucks {
  const trucks = options.units.map(unit => new Truck(unit, options))
  return {
    stop: async () => {
      await Promise.all(trucks.map(truck => truck.stop()))
    },
  }
}

class Truck {
  #unit: Unit
  #options: TrucksOptions
  #client: MqttClient
  #cancelReports: () => void
  #state: ProgressMessage['state'] = 'free'
  #orderId: string | undefined
  #placeId = ''
  #position: Position
  /** The way ahead; empty when it stands. */
  #path: Position[] = []
  /** The way it came, to go home on. */
  #driven: Position[] = []
  #goingHome = false
  #movedAtMs: number
  #stagedAtMs = 0
  #quietReports = 0

  constructor(unit: Unit, options: TrucksOptions) {
    const { clock, brokerUrl, passwords } = options
    this.#unit = unit
    this.#options = options
    this.#position = unit.base
    this.#movedAtMs = clock.nowMs()
    const password = passwords.get(unit.gateway)
    this.#client = connect(brokerUrl, {
      clientId: unit.gateway,
      username: unit.gateway,
      ...(password === undefined ? {} : { password }),
      protocolVersion: 4,
      // A kept session: an order sent while the cab was out of reach is delivered when it is back.
      clean: false,
      reconnectPeriod: 1000,
      keepalive: 60,
    })
    this.#client.on('connect', () => this.#whenConnected())
    this.#client.on('message', (_topic, payload) => this.#take(payload))
    // Without a listener an unreachable broker would end the process; MQTT.js tries again by itself.
    this.#client.on('error', () => {})
    const everyMs = pacedMs(clock, { houseMs: reportEveryMs, leastWallMs: 100 })
    this.#cancelReports = clock.every(everyMs, () => this.#tick())
  }

  #topic(channel: 'orders' | 'progress'): string {
    return topicOf({ district: this.#options.districtId, gateway: this.#unit.gateway, channel })
  }

  #whenConnected(): void {
    this.#client.subscribe(this.#topic('orders'), { qos: 1 }, () => this.#report())
  }

  #take(payload: Uint8Array): void {
    const order = parseOrder(payload)
    if (order === undefined || order.unitId !== this.#unit.id) return
    if (order.action === 'go') this.#go(order)
    else if (order.orderId === this.#orderId) this.#standDown()
    this.#report()
  }

  #go(order: OrderMessage): void {
    // QoS 1 may deliver an order twice: it is the same order.
    if (order.orderId === this.#orderId && !this.#goingHome) return
    this.#orderId = order.orderId
    this.#placeId = order.placeId
    this.#state = 'moving'
    this.#driven = this.#goingHome ? [...this.#path.toReversed(), this.#position] : [this.#position]
    this.#goingHome = false
    this.#path = [...order.route.map(([lon, lat]): Position => ({ lon, lat, crs: 'WGS-84' })), order.destination]
    this.#movedAtMs = this.#options.clock.nowMs()
  }

  #standDown(): void {
    this.#goingHome = true
    this.#state = 'released'
    this.#path = [...this.#driven.toReversed(), this.#unit.base]
    this.#driven = []
    this.#movedAtMs = this.#options.clock.nowMs()
  }

  #tick(): void {
    const before = this.#state
    // Having arrived is reported before work begins: the house counts from it.
    if (before === 'staged') this.#work()
    this.#drive()
    const standing = this.#state === before && this.#state !== 'moving' && this.#state !== 'released'
    this.#quietReports = standing ? this.#quietReports + 1 : 0
    if (this.#quietReports % freeReports === 0) this.#report()
  }

  #drive(): void {
    const nowMs = this.#options.clock.nowMs()
    let leftM = ((nowMs - this.#movedAtMs) / 3_600_000) * drivingKmPerHour * 1000
    this.#movedAtMs = nowMs
    if (this.#path.length === 0) return
    for (let next = this.#path[0]; next !== undefined && leftM > 0; next = this.#path[0]) {
      const awayM = distanceM(this.#position, next)
      if (awayM > leftM) {
        this.#position = between(this.#position, next, leftM / awayM)
        return
      }
      leftM -= awayM
      this.#position = next
      this.#driven.push(next)
      this.#path.shift()
    }
    if (this.#path.length === 0) this.#arrive(nowMs)
  }

  #arrive(nowMs: number): void {
    if (this.#goingHome) {
      this.#state = 'free'
      this.#orderId = undefined
      this.#goingHome = false
      return
    }
    this.#state = 'staged'
    this.#stagedAtMs = nowMs
  }

  #work(): void {
    if (this.#unit.kind === 'patrol') return
    const { clock, isWet } = this.#options
    const ready =
      isWet === undefined ? clock.nowMs() - this.#stagedAtMs >= setUpMs : isWet(this.#placeId, clock.nowMs())
    if (ready) this.#state = 'working'
  }

  #report(): void {
    if (!this.#client.connected) return
    const message: ProgressMessage = {
      unitId: this.#unit.id,
      ...(this.#orderId === undefined ? {} : { orderId: this.#orderId }),
      state: this.#state,
      position: this.#position,
      atMs: Math.round(this.#options.clock.nowMs()),
    }
    this.#client.publish(this.#topic('progress'), JSON.stringify(message), { qos: 1 })
  }

  async stop(): Promise<void> {
    this.#cancelReports()
    await this.#client.endAsync(true)
  }
}

/** An order, or undefined for what is none: a terminal ignores what it does not understand. */
function parseOrder(payload: Uint8Array): OrderMessage | undefined {
  try {
    const parsed = OrderMessage.safeParse(JSON.parse(new TextDecoder().decode(payload)))
    return parsed.success ? parsed.data : undefined
  } catch {
    // No JSON.
    return undefined
  }
}

/** A point on the straight line, near enough at the scale of a street. */
function between(from: Position, to: Position, share: number): Position {
  const along = (a: number, b: number) => Number((a + (b - a) * share).toFixed(6))
  return { lon: along(from.lon, to.lon), lat: along(from.lat, to.lat), crs: 'WGS-84' }
}
