/**
 * Which devices behind gateways are there: what a will, an availability or a death certificate said last. Silence is
 * noticed elsewhere; this is only what somebody said.
 */
export interface Lives {
  /** `online` is undefined when a retained message was cleared: nobody knows then. */
  note(gateway: string, device: string, online: boolean | undefined): void
  /** Devices of the gateway that said they are gone. */
  offline(gateway: string): string[]
  /** Of all gateways. */
  offlineCount(): number
}

/** A gateway cannot make this grow for ever; whoever is beyond it is not remembered. */
const perGateway = 2000

/** Nobody is gone until somebody says so. */
export function createLives(): Lives {
  const gone = new Map<string, Set<string>>()
  return {
    note(gateway, device, online) {
      const known = gone.get(gateway) ?? new Set()
      if (online === false && known.size < perGateway) gone.set(gateway, known.add(device.slice(0, 300)))
      else if (online !== false && known.delete(device.slice(0, 300)) && known.size === 0) gone.delete(gateway)
    },
    offline: gateway => [...(gone.get(gateway) ?? [])],
    offlineCount: () => gone.values().reduce((sum, devices) => sum + devices.size, 0),
  }
}
