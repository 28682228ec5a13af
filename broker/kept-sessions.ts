/**
 * What waits for clients that are away. Aedes keeps it in memory without a bound, and a message that is refused to
 * one client can take another one's place in its queue away; both are mended here, on the persistence Aedes made.
 */
import type { Aedes } from 'aedes'

interface Queued {
  readonly messageId?: number | undefined
}

interface Persistence {
  outgoingEnqueueCombi(subscriptions: readonly { readonly clientId: string }[], packet: Queued): Promise<unknown>
  outgoingClearMessageId(client: { readonly id: string }, packet: Queued): Promise<unknown>
}

/** Queues at most `maxQueued` messages for each client; what comes on top is dropped and told. */
export function boundKeptSessions(
  aedes: Aedes,
  { maxQueued, onDropped }: { maxQueued: number; onDropped: () => void },
): void {
  const persistence: unknown = Reflect.get(aedes, 'persistence')
  if (!isPersistence(persistence)) throw new Error('this Aedes keeps its queues in a way that is not known here')
  const queued = new Map<string, number>()
  const enqueue = persistence.outgoingEnqueueCombi.bind(persistence)
  const clear = persistence.outgoingClearMessageId.bind(persistence)

  const hasRoom = ({ clientId }: { readonly clientId: string }) => {
    const count = queued.get(clientId) ?? 0
    if (count >= maxQueued) {
      onDropped()
      return false
    }
    queued.set(clientId, count + 1)
    return true
  }
  persistence.outgoingEnqueueCombi = (subscriptions, packet) => enqueue(subscriptions.filter(hasRoom), packet)
  persistence.outgoingClearMessageId = async (client, packet) => {
    // A message that was never sent has no id: Aedes would remove the first other one that has none yet.
    if (packet.messageId === undefined) return undefined
    const removed = await clear(client, packet)
    const count = queued.get(client.id) ?? 0
    if (removed !== undefined && count > 0) queued.set(client.id, count - 1)
    return removed
  }
}

function isPersistence(value: unknown): value is Persistence {
  return (
    typeof value === 'object' && value !== null && 'outgoingEnqueueCombi' in value && 'outgoingClearMessageId' in value
  )
}
