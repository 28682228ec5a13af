/**
 * The configurations that the house sends to its gateways, retained on `…/config`. The house counts the versions up
 * and keeps the last ten of each gateway in a file of its own, on disk before a caller is told that it is sent. What
 * a crash kept from being sent is sent at the next start.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Id } from '@forewarn/contracts/district'
import {
  type ConfigurationReport,
  type ConfigurationState,
  type SaidOfConfiguration,
  SentConfiguration,
} from '@forewarn/contracts/gateway-configuration'
import type { GatewayConfiguration } from '@forewarn/contracts/gateway-messages'
import type { SendDown } from '@forewarn/contracts/intake'
import { topicOf } from '@forewarn/contracts/topics'
import type { Clock } from '@forewarn/runtime/clock'
import { isMissing } from '@forewarn/runtime/kept-file'
import type { Log } from '@forewarn/runtime/log'
import { z } from 'zod'
import type { RetainedMessages } from '../sessions/retained.ts'
import { wholeFile } from '../whole-file.ts'
import type { RunningConfigurations } from './running-configurations.ts'

export interface WishedConfiguration {
  readonly gateway: string
  readonly settings: GatewayConfiguration['settings']
  /** Who sends it. */
  readonly by?: string | undefined
}

export interface Sending {
  readonly sent: SentConfiguration
  /** False: kept on disk and said to whoever listens now, but the broker has no room to retain it. */
  readonly retained: boolean
}

export interface Configurations {
  /** Sends settings under the next version. Rejects when they could not be written; then nothing was sent. */
  send(wish: WishedConfiguration): Promise<Sending>
  /** Sends the settings of the version before the last one again, as a new version. */
  sendBack(wish: Omit<WishedConfiguration, 'settings'>): Promise<Sending | 'nothing-before'>
  report(gateway: string): ConfigurationReport
}

interface ConfigurationParts {
  readonly districtId: string
  /** A file for each gateway; without it nothing outlives the process. */
  readonly dir: string | undefined
  readonly retained: RetainedMessages
  readonly running: RunningConfigurations
  readonly send: SendDown
  readonly clock: Clock
  readonly log: Log
}

const KeptFile = z.object({ version: z.literal(1), sent: z.array(SentConfiguration).min(1) })
type History = readonly SentConfiguration[]

const keptVersions = 10
/** A gateway that claims to run on a higher version than this cannot drive the count where it ends. */
const highestBelieved = 1_000_000_000

/** Reads what was sent before, and sends again what is not retained. Throws when a file is damaged. */
export async function openConfigurations(parts: ConfigurationParts): Promise<Configurations> {
  const { dir, running, clock } = parts
  const histories = dir === undefined ? new Map<string, History>() : await readHistories(dir)
  for (const [gateway, history] of histories) sendIfMissing(parts, gateway, history)
  let turn: Promise<unknown> = Promise.resolve()
  /** One after the other: two people at once get two versions. */
  const inTurn = <T>(deed: () => Promise<T>): Promise<T> => {
    const done = turn.then(deed)
    // Its own caller is told of the failure.
    turn = done.catch(() => {})
    return done
  }
  const put = async (gateway: string, news: Omit<SentConfiguration, 'version' | 'sentAtMs'>): Promise<Sending> => {
    const before = histories.get(gateway) ?? []
    const sent = { version: nextVersion(before, running.of(gateway)), sentAtMs: clock.nowMs(), ...news }
    const history = [...before, sent].slice(-keptVersions)
    await keep(dir, gateway, history)
    histories.set(gateway, history)
    return { sent, retained: sendDown(parts, gateway, sent) }
  }
  return {
    send: ({ gateway, settings, by }) => inTurn(() => put(gateway, { settings, by })),
    sendBack: ({ gateway, by }) =>
      inTurn(async () => {
        const before = versionBefore(histories.get(gateway) ?? [])
        if (before === undefined) return 'nothing-before'
        const restores = before.restores ?? before.version
        return await put(gateway, { settings: before.settings, by, restores })
      }),
    report: gateway => reportOf(gateway, histories.get(gateway) ?? [], running.of(gateway)),
  }
}

/**
 * The version whose settings were sent before those of the last one. Who goes back twice goes back two versions, and
 * not to and fro.
 */
export function versionBefore(history: History): SentConfiguration | undefined {
  const last = history.at(-1)
  if (last === undefined) return undefined
  const stands = last.restores ?? last.version
  return history.findLast(({ version }) => version < stands)
}

/** One more than any that was sent, or that the gateway knows of: after a restored backup it knows more than we do. */
function nextVersion(history: History, said: SaidOfConfiguration | undefined): number {
  const known = [said?.configuration ?? 0, said?.refusedConfiguration?.version ?? 0]
  const believed = known.filter(version => version <= highestBelieved)
  return Math.max(history.at(-1)?.version ?? 0, ...believed) + 1
}

function reportOf(gateway: string, history: History, said: SaidOfConfiguration | undefined): ConfigurationReport {
  const sent = history.at(-1)
  const earlier = history.slice(0, -1).toReversed()
  return {
    id: gateway,
    state: stateOf(sent, said),
    ...(sent === undefined ? {} : { sent }),
    earlier: earlier.map(({ settings: _, ...rest }) => rest),
    ...(said === undefined ? {} : { said }),
  }
}

function stateOf(sent: SentConfiguration | undefined, said: SaidOfConfiguration | undefined): ConfigurationState {
  if (sent === undefined) return 'never-sent'
  if (said?.refusedConfiguration?.version === sent.version) return 'refused'
  if (said?.configuration !== sent.version) return 'waiting'
  return said.configurationOnTrial === true ? 'on-trial' : 'running'
}

function messageOf({ districtId }: ConfigurationParts, gateway: string, { version, settings }: SentConfiguration) {
  const configuration: GatewayConfiguration = { version, settings }
  return {
    gateway,
    topic: topicOf({ district: districtId, gateway, channel: 'config' }),
    payload: Buffer.from(JSON.stringify(configuration)),
  }
}

/** Whether it will be there for a gateway that is away now. */
function sendDown(parts: ConfigurationParts, gateway: string, sent: SentConfiguration): boolean {
  const message = messageOf(parts, gateway, sent)
  // Routing would retain it too, but could not say whether there was room.
  const retained = parts.retained.store({ ...message, qos: 1 })
  if (!retained) parts.log.error('configuration-not-retained', { gateway, version: sent.version })
  parts.send({ ...message, retain: true })
  return retained
}

function sendIfMissing(parts: ConfigurationParts, gateway: string, history: History): void {
  const last = history.at(-1)
  if (last === undefined) return
  const { topic, payload } = messageOf(parts, gateway, last)
  const [there] = parts.retained.matching(topic)
  if (there?.payload.equals(payload) === true) return
  parts.log.warn('configuration-sent-again', { gateway, version: last.version })
  sendDown(parts, gateway, last)
}

const fileOf = (dir: string, gateway: string) => join(dir, `${gateway}.json`)

async function keep(dir: string | undefined, gateway: string, sent: History): Promise<void> {
  if (dir === undefined) return
  await wholeFile(fileOf(dir, gateway)).write(() => `${JSON.stringify({ version: 1, sent }, null, 1)}\n`)
}

async function readHistories(dir: string): Promise<Map<string, History>> {
  const histories = new Map<string, History>()
  for (const name of await namesIn(dir)) {
    const gateway = Id.safeParse(name.replace(/\.json$/, ''))
    // A file cut short while it was written has another ending.
    if (!name.endsWith('.json') || !gateway.success) continue
    try {
      histories.set(gateway.data, KeptFile.parse(JSON.parse(await readFile(join(dir, name), 'utf8'))).sent)
    } catch (cause) {
      throw new Error(`the configurations in ${join(dir, name)} cannot be read`, { cause })
    }
  }
  return histories
}

async function namesIn(dir: string): Promise<string[]> {
  try {
    return await readdir(dir)
  } catch (cause) {
    // Nothing was sent yet.
    if (isMissing(cause)) return []
    throw new Error(`the configurations in ${dir} cannot be read`, { cause })
  }
}
