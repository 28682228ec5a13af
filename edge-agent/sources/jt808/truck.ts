/**
 * One vehicle between the house and its terminal: orders become texts for the driver and closer tracking, positions
 * become progress. What the driver has to be told is told again until the terminal confirms it.
 */
import type { OrderMessage, ProgressMessage } from '@forewarn/contracts/order'
import { type Addressee, textToDriver, trackClosely } from '@forewarn/protocols/jt808/down'
import type { Jt808Message } from '@forewarn/protocols/jt808/frame'
import { isFix, locationTimeMs, type VehicleLocation } from '@forewarn/protocols/jt808/location'
import type { Surroundings } from '../source.ts'
import { type GatewayLink, openGatewayLink } from './gateway-link.ts'
import { fromGcj02 } from './gcj02.ts'
import type { Memories } from './memory.ts'
import type { Jt808Profile, Vehicle } from './profile.ts'
import { readingsOf } from './readings.ts'
import { type Change, type Fix, moveTo, reportEvent, settle, takeOrder } from './vehicle-order.ts'

/** A terminal's connection, once it has said who it is. */
export interface TerminalSide {
  /** Numbers the message and sends it; returns its serial number. */
  send(write: (to: Addressee) => Jt808Message): number
}

export interface TruckOptions {
  readonly vehicle: Vehicle
  readonly profile: Jt808Profile
  readonly around: Surroundings
  readonly memories: Memories
  readonly count: (what: string) => void
}

/** A text that is not confirmed is sent again not sooner than this. */
const tellAgainMs = 30_000
/** A terminal that never confirms must not read the same text aloud for hours. */
const tellAtMost = 10
/** Urgent, on the display, read aloud (JT/T 808 §8.37). */
const urgentText = 0b1101

export class Truck {
  readonly vehicle: Vehicle
  #options: TruckOptions
  #link: GatewayLink
  #terminal: TerminalSide | undefined
  #told: { serial: number; atMs: number } | undefined
  #toldTimes = 0

  constructor(options: TruckOptions) {
    const { vehicle, profile, around, count } = options
    const { url, ...tls } = profile.broker
    this.vehicle = vehicle
    this.#options = options
    this.#link = openGatewayLink({
      district: profile.district,
      gateway: vehicle.gateway,
      brokerUrl: url,
      tls,
      passwordFile: vehicle.passwordFile,
      log: around.log,
      onOrder: order => this.#order(order),
      onStrange: original => {
        count('strange-orders')
        around.refuse({ reason: 'not-an-order', detail: `on the orders of ${vehicle.gateway}`, original })
      },
    })
  }

  get connected(): boolean {
    return this.#link.connected
  }

  get isOnLine(): boolean {
    return this.#terminal !== undefined
  }

  async #order(order: OrderMessage): Promise<void> {
    const { around, count, memories, profile } = this.#options
    const { unit } = this.vehicle
    if (order.unitId !== unit) return around.log.warn('order-not-ours', { unit, ordered: order.unitId })
    // A drill moves no real truck, and behind this terminal there is a real one.
    if (order.mode !== 'actual') {
      count('drill-orders')
      return around.log.warn('order-of-a-drill', { unit, order: order.orderId, mode: order.mode })
    }
    const change = takeOrder(memories.of(unit), order, profile.placeNames)
    if (change === undefined) return
    await memories.keep(unit, change.memory)
    count('orders')
    this.#toldTimes = 0
    around.log.info('order-taken', { unit, order: order.orderId, action: order.action })
    this.#told = undefined
    this.#say(change)
    this.#tell()
  }

  /** The terminal is there and has said who it is. */
  attach(terminal: TerminalSide): void {
    this.#terminal = terminal
    this.#told = undefined
    this.#tell()
  }

  detach(terminal: TerminalSide): void {
    if (this.#terminal === terminal) this.#terminal = undefined
  }

  /** Tells the driver what is owed, unless that was done a moment ago. */
  #tell(): void {
    const { memories, around, profile, count } = this.#options
    const { owed } = memories.of(this.vehicle.unit)
    const nowMs = around.clock.nowMs()
    if (owed === undefined || this.#terminal === undefined) return
    if (this.#told !== undefined && nowMs - this.#told.atMs < tellAgainMs) return
    if (this.#toldTimes++ >= tellAtMost) return this.#giveUpTelling()
    const serial = this.#terminal.send(to => textToDriver(to, { flag: urgentText, text: owed.text }))
    this.#told = { serial, atMs: nowMs }
    const tracking = {
      intervalS: owed.track ? Math.max(1, Math.round(profile.track.every / 1000)) : 0,
      durationS: Math.round(profile.track.for / 1000),
    }
    this.#terminal.send(to => trackClosely(to, tracking))
    count('texts')
  }

  /** It is in the log and in the counters: a person has to call the driver. */
  #giveUpTelling(): void {
    const { memories, around, count } = this.#options
    const { unit } = this.vehicle
    count('unconfirmed-texts')
    around.log.error('driver-not-confirming', { unit, times: tellAtMost })
    memories.note(unit, settle(memories.of(unit)))
  }

  /** The terminal answers a text: 0 is done, everything else is told again. */
  async confirmed(serial: number, result: number): Promise<void> {
    const { memories, around } = this.#options
    const { unit } = this.vehicle
    if (this.#told?.serial !== serial || result !== 0) return
    this.#told = undefined
    await memories.keep(unit, settle(memories.of(unit)))
    around.log.info('driver-told', { unit })
  }

  /** Where it is now. Resolves when its readings are on disk. */
  async located(location: VehicleLocation): Promise<void> {
    const { around, profile, count, memories } = this.#options
    const nowMs = around.clock.nowMs()
    const atMs = locationTimeMs(location)
    const isOld = atMs === undefined || nowMs - atMs > profile.positionAtMost
    await this.#keepReadings([location], { backlog: isOld })
    this.#tell()
    if (isOld) return count('old-positions')
    if (!isFix(location)) return count('no-fix')
    const fix = this.#fixOf(location, Math.min(atMs, nowMs))
    const before = memories.of(this.vehicle.unit)
    const change = moveTo(before, fix, profile.arrivedWithinM)
    // Arriving is remembered on disk; the way there is not.
    if (change.memory.order?.state === before.order?.state) memories.note(this.vehicle.unit, change.memory)
    else await memories.keep(this.vehicle.unit, change.memory)
    this.#say(change)
  }

  /** What the terminal kept while it was out of reach: readings of then, never a position of now. */
  async caughtUp(locations: readonly VehicleLocation[]): Promise<void> {
    await this.#keepReadings(locations, { backlog: true })
    for (const _ of locations) this.#options.count('old-positions')
  }

  async pressed(event: number): Promise<void> {
    const { memories, count } = this.#options
    const state = this.vehicle.events[String(event)]
    const change = state === undefined ? undefined : reportEvent(memories.of(this.vehicle.unit), state)
    if (change === undefined) return count('events-without-meaning')
    await memories.keep(this.vehicle.unit, change.memory)
    this.#say(change)
  }

  #fixOf({ latitude, longitude, speed_kmh }: VehicleLocation, atMs: number): Fix {
    const given = { lat: latitude, lon: longitude }
    const { lat, lon } = this.vehicle.coordinates === 'gcj02' ? fromGcj02(given) : given
    const round = (degrees: number) => Number(degrees.toFixed(6))
    return { position: { lat: round(lat), lon: round(lon), crs: 'WGS-84' }, speedKmPerHour: speed_kmh, atMs }
  }

  #say({ progress, orderId, memory }: Change): void {
    if (progress === undefined || memory.fix === undefined) return
    const message: ProgressMessage = {
      unitId: this.vehicle.unit,
      ...(orderId === undefined ? {} : { orderId }),
      state: progress,
      position: memory.fix.position,
      atMs:
        progress === 'free'
          ? memory.fix.atMs
          : Math.max(memory.fix.atMs, Math.round(this.#options.around.clock.nowMs())),
    }
    this.#link.say(message)
    this.#options.count('progress')
  }

  async #keepReadings(locations: readonly VehicleLocation[], how: { backlog: boolean }): Promise<void> {
    const { around, profile } = this.#options
    const readings = locations.flatMap(location => readingsOf(this.vehicle.sensors, location))
    if (readings.length > 0) await around.take(profile.gateway, readings, how)
  }

  async stop(): Promise<void> {
    await this.#link.stop()
  }
}
