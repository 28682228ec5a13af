/**
 * All that belongs to one gateway: its outbox, its uplink, what it says and hears, its configuration and its
 * emergency rules. An agent is one such line for every gateway it stands in for.
 */
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LocalAlarm } from '@forewarn/contracts/gateway-messages'
import type { Clock } from '@forewarn/runtime/clock'
import { isMissing, replaceFile } from '@forewarn/runtime/kept-file'
import type { Log } from '@forewarn/runtime/log'
import { z } from 'zod'
import { type Configuration, openConfiguration, type RemoteSettings } from './configuration.ts'
import { type Emergency, type EmergencyRule, StandingAlarm, watchForEmergencies } from './emergency.ts'
import { type DropReason, defaultLimits, type Outbox, type OutboxLimits, openOutbox } from './outbox/outbox.ts'
import { type AlarmBox, openAlarmBox } from './uplink/alarm-box.ts'
import { type Announcer, createAnnouncer, type Sampling } from './uplink/announcer.ts'
import { openSensorList } from './uplink/sensor-list.ts'
import type { BrokerTls } from './uplink/tls-files.ts'
import { startUplink, type Uplink, type UplinkGateway } from './uplink/uplink.ts'
import type { Wording } from './uplink/wording.ts'

/** What sources can be told for one gateway. Both are the agent's to give; without them nothing is polled. */
export interface SourceSteering {
  /** Runs on these profiles (YAML by file name) and periods (seconds by sensor). Rejects when they cannot be run. */
  configure(settings: Pick<RemoteSettings, 'profiles' | 'samplingS'>): Promise<void>
  /** As contracts/gateway-messages.ts says of the command `sample`. */
  sampleFaster(command: Pick<Sampling, 'sensors' | 'periodS' | 'untilMs'>): void
}

export interface LineOptions {
  readonly districtId: string
  readonly gateway: UplinkGateway
  readonly brokerUrl: string
  readonly tls?: BrokerTls | undefined
  readonly dir: string
  readonly software: string
  readonly wording: Wording
  readonly limits: Partial<OutboxLimits>
  readonly emergencyRules: readonly EmergencyRule[]
  /** Names of the outputs that the settings file allows. */
  readonly outputs: ReadonlySet<string>
  readonly configurationTrialMs: number
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
  readonly steering?: SourceSteering | undefined
  readonly onPublished: (readings: number) => void
  readonly onDropped: (readings: number, reason: DropReason) => void
  /** The alarms of this line that stand have changed. */
  readonly onStanding: () => void
}

export interface Line {
  readonly id: string
  readonly outbox: Outbox
  readonly connected: boolean
  /** Names of the outputs that alarms of this line want on. */
  outputsWanted(): string[]
  close(): Promise<void>
}

/** Opens what the last life left and starts to connect. Rejects when its folder cannot be had. */
export async function openLine(options: LineOptions): Promise<Line> {
  const { gateway, clock, dir } = options
  mkdirSync(dir, { recursive: true })
  const log = options.log.with({ gateway: gateway.id })
  const onTrouble = (event: string, facts: Record<string, unknown>) => log.warn(event, facts)
  // Each of these needs another one; all of them stand before the first reading can come.
  let uplink: Uplink | undefined
  let announcer: Announcer | undefined
  let emergency: Emergency | undefined
  let { wording } = options
  const outbox = await openOutbox({
    ...{ ...options.limits, dir, clock, onTrouble },
    onOffered: readings => emergency?.watch(readings, clock.nowMs()),
    onKept: batch => uplink?.kept(batch),
    onDropped: options.onDropped,
  })
  const alarms = openAlarmBox(join(dir, 'alarms'), onTrouble)
  const { emergency: watch, settled } = openEmergency(options, { alarms, log, send: () => announcer?.sendAlarms() })
  emergency = watch
  const reword = (next: Wording) => {
    wording = next
    uplink?.reword(next)
  }
  const configuration = await openConfiguration({
    ...{ dir, clock, log, trialMs: options.configurationTrialMs },
    apply: settings => applySettings(settings, { options, outbox, emergency: watch, reword }),
    onChanged: () => announcer?.tell(),
  })
  announcer = createAnnouncer({
    ...{ districtId: options.districtId, gateway: gateway.id, software: options.software, outbox, alarms, clock, log },
    sensors: openSensorList(dir, gateway.sensors ?? []),
    configuration: () => configuration.status(),
    onSample: command => options.steering?.sampleFaster(command),
    onConfiguration: offered => void configuration.offer(offered),
  })
  uplink = startUplink({
    ...{ brokerUrl: options.brokerUrl, gateway, outbox, announcer, wording, clock, log: options.log },
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    onPublished: options.onPublished,
    onStateChanged: up => {
      configuration.uplink(up)
      watch.uplink({ up, atMs: clock.nowMs() })
    },
    random: options.random,
  })
  return lineOf({ options, outbox, uplink, emergency: watch, settled, configuration })
}

interface Parts {
  readonly options: LineOptions
  readonly outbox: Outbox
  readonly uplink: Uplink
  readonly emergency: Emergency
  /** Resolves once what alarms changed is on disk. */
  readonly settled: () => Promise<void>
  readonly configuration: Configuration
}

function lineOf({ options, outbox, uplink, emergency, settled, configuration }: Parts): Line {
  return {
    id: options.gateway.id,
    outbox,
    get connected() {
      return uplink.connected
    },
    outputsWanted: () => emergency.standing().flatMap(({ rule }) => rule.outputs),
    async close() {
      await configuration.stop()
      await settled()
      await uplink.stop()
      await outbox.close()
    },
  }
}

const Standing = z.array(StandingAlarm)

/** The emergency rules, with what must be remembered of them: alarms that stand, and those the house has not got. */
function openEmergency(
  { dir, emergencyRules: rules, clock, onStanding }: LineOptions,
  { alarms, log, send }: { alarms: AlarmBox; log: Log; send: () => void },
): { emergency: Emergency; settled: () => Promise<void> } {
  const path = join(dir, 'standing-alarms.json')
  const keepStanding = () => replaceFile(path, JSON.stringify(emergency.standing()))
  const keep = async (alarm: LocalAlarm) => {
    // Killed in between, the next life must know of a siren that howls, and the house of an alarm that is over.
    if (alarm.clearedAtMs === undefined) await keepStanding()
    await alarms.put(alarm)
    if (alarm.clearedAtMs !== undefined) await keepStanding()
  }
  let turn = Promise.resolve()
  const happened = (alarm: LocalAlarm) => {
    // The siren first: should the disk be full, it howls all the same.
    onStanding()
    turn = turn
      .then(() => keep(alarm))
      .catch((error: unknown) => log.error('alarm-not-kept', { alarm: alarm.id, trouble: String(error) }))
      .then(send)
  }
  const emergency = watchForEmergencies(
    { rules, standing: readStanding(path, log), nowMs: clock.nowMs() },
    {
      onRaised: alarm => {
        log.error('local-alarm-raised', { rule: alarm.rule, sensor: alarm.sensor, value: alarm.value })
        happened(alarm)
      },
      onCleared: alarm => {
        log.warn('local-alarm-cleared', { rule: alarm.rule })
        happened(alarm)
      },
    },
  )
  return { emergency, settled: () => turn }
}

function readStanding(path: string, log: Log): StandingAlarm[] {
  try {
    return Standing.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch (error) {
    if (!isMissing(error)) log.error('standing-alarms-unreadable', { trouble: String(error) })
    return []
  }
}

interface Applied {
  readonly options: LineOptions
  readonly outbox: Outbox
  readonly emergency: Emergency
  readonly reword: (wording: Wording) => void
}

/** Runs on these settings over those of the file; what is not named goes back to the file. Rejects before it acts. */
async function applySettings(settings: RemoteSettings, { options, outbox, emergency, reword }: Applied): Promise<void> {
  const rules = settings.emergencyRules ?? options.emergencyRules
  const foreign = rules.flatMap(({ outputs }) => outputs).find(name => !options.outputs.has(name))
  if (foreign !== undefined) throw new Error(`output "${foreign}" is not one that this agent's settings file allows`)
  const { profiles, samplingS, format, metered } = settings
  if (options.steering === undefined) {
    if (profiles !== undefined || samplingS !== undefined) throw new Error('this agent runs no sources of its own')
  } else await options.steering.configure({ profiles, samplingS })
  emergency.useRules(rules)
  outbox.limit({ ...defaultLimits, ...options.limits, ...limitsOf(settings) })
  reword({ format: format ?? options.wording.format, metered: metered ?? options.wording.metered })
}

const dayMs = 24 * 60 * 60 * 1000

function limitsOf({ outboxMaxMb, outboxMaxDays, batchLingerMs }: RemoteSettings): Partial<OutboxLimits> {
  return {
    ...(outboxMaxMb === undefined ? {} : { maxBytes: outboxMaxMb * 1024 * 1024 }),
    ...(outboxMaxDays === undefined ? {} : { maxAgeMs: outboxMaxDays * dayMs }),
    ...(batchLingerMs === undefined ? {} : { lingerMs: batchLingerMs }),
  }
}
