/** For tests: a real Aedes on a free port, and what trucks said to it. */
import { createServer } from 'node:net'
import { ProgressMessage } from '@forewarn/contracts/order'
import { parseTopic } from '@forewarn/contracts/topics'
import { Aedes } from 'aedes'

export interface TruckBroker {
  readonly url: string
  readonly progress: ProgressMessage[]
  publish(topic: string, message: object): void
  /** Resolves once the condition holds; asked again after each progress message. */
  until(condition: (progress: readonly ProgressMessage[]) => boolean): Promise<void>
  stop(): Promise<void>
}

export async function startTruckBroker(): Promise<TruckBroker> {
  const aedes = await Aedes.createBroker({ concurrency: 0 })
  const server = createServer(aedes.handle)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const progress: ProgressMessage[] = []
  const waiting = new Set<() => void>()
  aedes.on('publish', packet => {
    if (parseTopic(packet.topic)?.channel !== 'progress') return
    progress.push(ProgressMessage.parse(JSON.parse(packet.payload.toString())))
    for (const look of waiting) look()
  })
  return {
    url: `mqtt://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    progress,
    publish: (topic, message) =>
      aedes.publish(
        { cmd: 'publish', topic, payload: Buffer.from(JSON.stringify(message)), qos: 1, dup: false, retain: false },
        () => {},
      ),
    until: condition =>
      new Promise(resolve => {
        const look = () => {
          if (!condition(progress)) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
      }),
    stop: async () => {
      await new Promise<void>(resolve => aedes.close(() => resolve()))
      await new Promise<unknown>(resolve => server.close(resolve))
    },
  }
}
