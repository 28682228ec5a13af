/** For tests: an HTTP server that takes pushes as the edge agent does, and remembers them. */
import { createServer } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { parseSenml } from '@forewarn/contracts/senml'

export interface PushedReading {
  readonly gateway: string
  readonly sensor: string
  readonly timeMs: number
  readonly value: number
  readonly backlog: boolean
}

export interface PushServer {
  readonly url: string
  readonly readings: PushedReading[]
  /** Refuses so many of the next pushes with 503. */
  refuseNext: number
  /** What every push is answered with: how often sensors should be measured, s. */
  samplingS: Readonly<Record<string, number>> | undefined
  /** Resolves once the condition holds; asked again after each push. */
  until(condition: (readings: readonly PushedReading[]) => boolean): Promise<void>
  stop(): Promise<void>
}

export const pushToken = 'push-token'

export async function startPushServer(): Promise<PushServer> {
  const waiting = new Set<() => void>()
  const readings: PushedReading[] = []
  const server = createServer((request, response) => {
    void buffer(request).then(body => {
      if (request.headers.authorization !== `Bearer ${pushToken}`) return response.writeHead(401).end()
      if (pushes.refuseNext > 0) {
        pushes.refuseNext -= 1
        return response.writeHead(503).end()
      }
      readings.push(...readingsOf(request.url ?? '', body))
      for (const look of waiting) look()
      const { samplingS } = pushes
      if (samplingS === undefined) return response.writeHead(204).end()
      return response.writeHead(200).end(JSON.stringify({ samplingS }))
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const pushes: PushServer = {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    readings,
    refuseNext: 0,
    samplingS: undefined,
    until: condition =>
      new Promise(resolve => {
        const look = () => {
          if (!condition(readings)) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
      }),
    stop: async () => {
      server.closeAllConnections()
      await new Promise<unknown>(resolve => server.close(resolve))
    },
  }
  return pushes
}

function readingsOf(url: string, body: Uint8Array): PushedReading[] {
  const pack = parseSenml(body, 0)
  if (pack === 'not-senml' || pack.faults.length > 0) throw new Error(`bad push: ${body.length} bytes`)
  const gateway = url.replace('/push/', '')
  return pack.records.map(({ name: sensor, timeMs = Number.NaN, value }) => {
    return { gateway, sensor, value, timeMs: Math.round(timeMs), backlog: pack.backlog }
  })
}
