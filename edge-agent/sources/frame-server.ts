/**
 * The TCP port of devices that speak in frames: a stream of its own for each connection, which is closed when too much
 * of what comes is no frame.
 */
import type { FrameStream } from '@forewarn/protocols/frame-stream'
import { type DeviceLine, type DeviceServer, startDeviceServer } from './device-server.ts'
import { FrameLine } from './frame-line.ts'
import type { Surroundings } from './source.ts'

export interface FrameServerOptions<T> {
  readonly listen: { readonly host: string; readonly port: number }
  readonly around: Pick<Surroundings, 'clock' | 'log'>
  openStream(): FrameStream<T>
  /** What was passed over. */
  junk(detail: string, bytes: Uint8Array, line: DeviceLine): void
  /** The next frame of this connection waits until it resolves. */
  take(frame: T, bytes: Uint8Array, line: DeviceLine): Promise<void>
}

/** Resolves once the port listens; rejects, naming it, when it cannot be had. */
export function startFrameServer<T>(options: FrameServerOptions<T>): Promise<DeviceServer> {
  const { listen, around } = options
  return startDeviceServer({
    listen,
    log: around.log,
    onLine: line =>
      new FrameLine({
        line,
        stream: options.openStream(),
        clock: around.clock,
        junk: (detail, bytes) => options.junk(detail, bytes, line),
        take: (frame, bytes) => options.take(frame, bytes, line),
      }),
  })
}
