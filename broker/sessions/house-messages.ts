/**
 * Messages of the house to gateways: routed like any other, and those that are retained (a configuration) kept in a
 * file, so that a gateway that comes back after a restart of the broker finds them.
 */
import { readFile } from 'node:fs/promises'
import type { SendDown } from '@forewarn/contracts/intake'
import { isMissing } from '@forewarn/runtime/kept-file'
import type { Log } from '@forewarn/runtime/log'
import { z } from 'zod'
import { wholeFile } from '../whole-file.ts'
import type { RetainedMessages } from './retained.ts'

/** By topic; payloads in base64. */
const KeptMessages = z.record(z.string(), z.string())

interface HouseMessageParts {
  /** Without one nothing outlives the process. */
  readonly file: string | undefined
  readonly retained: RetainedMessages
  readonly publish: (message: { topic: string; payload: Buffer; retain: boolean }) => void
  readonly log: Log
}

/** Reads what was kept into `retained`. Throws when the file is damaged. */
export async function openHouseMessages(parts: HouseMessageParts): Promise<{ send: SendDown; stop(): Promise<void> }> {
  const { file, retained, publish, log } = parts
  const kept = new Map(file === undefined ? [] : Object.entries(await readKept(file)))
  for (const [topic, payload] of kept) retained.store({ topic, payload: Buffer.from(payload, 'base64'), qos: 1 })
  const whole = file === undefined ? undefined : wholeFile(file)
  let lastWrite: Promise<void> = Promise.resolve()
  const keep = (topic: string, payload: Buffer) => {
    if (payload.length === 0) kept.delete(topic)
    else kept.set(topic, payload.toString('base64'))
    if (whole === undefined) return
    lastWrite = whole
      .write(() => `${JSON.stringify(Object.fromEntries(kept), null, 1)}\n`)
      // The running broker has it all the same; it is lost only with the process.
      .catch((error: unknown) => log.error('message-down-not-kept', { topic, reason: String(error) }))
  }
  return {
    send({ topic, payload, retain = false }) {
      const bytes = Buffer.from(payload)
      if (retain) keep(topic, bytes)
      publish({ topic, payload: bytes, retain })
    },
    stop: () => lastWrite,
  }
}

async function readKept(file: string): Promise<z.infer<typeof KeptMessages>> {
  try {
    return KeptMessages.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch (cause) {
    if (isMissing(cause)) return {}
    throw new Error(`the messages kept in ${file} cannot be read`, { cause })
  }
}
