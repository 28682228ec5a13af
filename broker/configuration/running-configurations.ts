/**
 * What gateways say of the configuration they run on: read from the status messages that pass through the broker. In
 * memory; a gateway says it again every minute and at every connection.
 */
import type { SaidOfConfiguration } from '@forewarn/contracts/gateway-configuration'
import { Status } from '@forewarn/contracts/gateway-messages'
import type { Publish } from '@forewarn/contracts/intake'
import { parseTopic } from '@forewarn/contracts/topics'

export interface RunningConfigurations {
  /** Looks at a message as it comes; anything but a gateway's own status is left alone. */
  heard(publish: Publish): void
  /** What it said last; undefined before its first status. */
  of(gateway: string): SaidOfConfiguration | undefined
}

export function runningConfigurations(): RunningConfigurations {
  // One entry for each gateway with a credential at most: the broker has checked who speaks.
  const said = new Map<string, SaidOfConfiguration>()
  return {
    of: gateway => said.get(gateway),
    heard({ gateway, topic, payload, receivedAtMs }) {
      // Most messages are readings: those end here.
      if (!topic.endsWith('/status')) return
      const address = parseTopic(topic)
      if (address?.channel !== 'status' || address.gateway !== gateway) return
      const status = statusOf(payload)
      if (status === undefined) return
      const { state, configuration, configurationOnTrial, refusedConfiguration } = status
      // A will says nothing but that it is gone: what it ran on before still holds.
      const before = said.get(gateway)
      if (state === 'offline') said.set(gateway, { ...before, state, receivedAtMs })
      else said.set(gateway, { state, configuration, configurationOnTrial, refusedConfiguration, receivedAtMs })
    },
  }
}

function statusOf(payload: Uint8Array): Status | undefined {
  try {
    return Status.safeParse(JSON.parse(Buffer.from(payload).toString('utf8'))).data
  } catch {
    // Scripts send plain words; what is wrong with a status is ingest's to say.
    return undefined
  }
}
