/**
 * What the agent may switch: sirens, barriers, lamps. Only what its own settings file lists can be switched, whatever
 * a rule asks for; a remote configuration names outputs and cannot add any.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { Id } from '@forewarn/contracts/district'
import type { Log } from '@forewarn/runtime/log'
import { connectAsync } from 'mqtt'
import { z } from 'zod'
import { writeCoil } from './modbus-coil.ts'

export const Output = z.discriminatedUnion('kind', [
  /** A relay on the local network: `POST` of `on` or `off` to its address. */
  z.strictObject({
    kind: z.literal('command'),
    url: z.url({ protocol: /^https?$/ }),
    headers: z.record(z.string(), z.string()).default({}),
    on: z.string().default('{"on":true}'),
    off: z.string().default('{"on":false}'),
  }),
  /** A relay that listens to a local broker: `on` or `off` on its topic, QoS 1. */
  z.strictObject({
    kind: z.literal('mqtt'),
    brokerUrl: z.url({ protocol: /^mqtts?$/ }),
    username: z.string().optional(),
    password: z.string().optional(),
    topic: z.string().min(1),
    on: z.string().default('ON'),
    off: z.string().default('OFF'),
  }),
  /** One coil of a relay module or PLC over Modbus TCP; `coil` counts from 0. */
  z.strictObject({
    kind: z.literal('modbus-coil'),
    host: z.string().min(1),
    port: z.number().int().min(1).max(65_535).default(502),
    unit: z.number().int().min(0).max(255).default(1),
    coil: z.number().int().min(0).max(65_535),
    /** What the coil is while the output is on: `false` for a relay that opens to act. */
    on: z.boolean().default(true),
  }),
  /** Says so in the log and switches nothing. */
  z.strictObject({ kind: z.literal('log') }),
])
export type Output = z.infer<typeof Output>

/** By name: the allow-list. */
export const Outputs = z.record(Id, Output)
export type Outputs = z.infer<typeof Outputs>

export interface Switchboard {
  /** The outputs that should be on now; those that were on and are not named any more go off. */
  want(names: ReadonlySet<string>): void
  /** Resolves once nothing is being switched: for tests and the orderly stop. */
  settled(): Promise<void>
  stop(): void
}

const attemptTimeoutMs = 5000
const retryWallMs = 2000

/** Every output is tried until it obeys, each on its own; the newest wish counts. */
export function openSwitchboard(
  outputs: Outputs,
  { log, retryMs = retryWallMs }: { log: Log; retryMs?: number },
): Switchboard {
  const wanted = new Set<string>()
  const done = new Map<string, boolean>()
  const driving = new Map<string, Promise<void>>()
  const stopping = new AbortController()

  const drive = async (name: string, output: Output) => {
    while (done.get(name) !== wanted.has(name) && !stopping.signal.aborted) {
      const on = wanted.has(name)
      try {
        await switchOutput(output, { on, signal: stopping.signal })
        done.set(name, on)
        log.warn('output-switched', { output: name, on })
      } catch (error) {
        log.error('output-not-switched', { output: name, on, trouble: String(error) })
        await wait(retryMs, undefined, { signal: stopping.signal }).catch(() => {
          // The agent stops; what the output should be is known again from the standing alarms.
        })
      }
    }
  }
  const driveOn = (name: string, output: Output): void => {
    if (driving.has(name) || stopping.signal.aborted) return
    const driven = drive(name, output).finally(() => {
      driving.delete(name)
      // Somebody may have wished otherwise after the last look.
      if (done.get(name) !== wanted.has(name)) driveOn(name, output)
    })
    driving.set(name, driven)
  }
  return {
    want(names) {
      for (const name of new Set([...names, ...wanted])) {
        const output = Object.hasOwn(outputs, name) ? outputs[name] : undefined
        if (output === undefined) log.error('output-not-allowed', { output: name })
        else {
          if (names.has(name)) wanted.add(name)
          else wanted.delete(name)
          driveOn(name, output)
        }
      }
    },
    async settled() {
      while (driving.size > 0) await Promise.all(driving.values())
    },
    stop: () => stopping.abort(),
  }
}

async function switchOutput(output: Output, { on, signal }: { on: boolean; signal: AbortSignal }): Promise<void> {
  if (output.kind === 'log') return
  if (output.kind === 'mqtt') return await switchByMqtt(output, on)
  if (output.kind === 'modbus-coil')
    return await writeCoil(output, { value: on === output.on, timeoutMs: attemptTimeoutMs, signal })
  const answer = await fetch(output.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...output.headers },
    body: on ? output.on : output.off,
    signal: AbortSignal.any([signal, AbortSignal.timeout(attemptTimeoutMs)]),
  })
  await answer.arrayBuffer()
  if (!answer.ok) throw new Error(`the relay answered ${answer.status}`)
}

// A connection for each switching: it happens a few times a year, and an idle one may have died unnoticed.
async function switchByMqtt(output: Extract<Output, { kind: 'mqtt' }>, on: boolean): Promise<void> {
  const { brokerUrl, username, password, topic } = output
  const login = { ...(username === undefined ? {} : { username }), ...(password === undefined ? {} : { password }) }
  const options = { protocolVersion: 4 as const, reconnectPeriod: 0, connectTimeout: attemptTimeoutMs, ...login }
  const client = await connectAsync(brokerUrl, options, false)
  try {
    await client.publishAsync(topic, on ? output.on : output.off, { qos: 1 })
  } finally {
    await client.endAsync(true)
  }
}
