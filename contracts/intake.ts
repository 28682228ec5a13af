/**
 * The way from the broker into the house. The broker calls it before it acknowledges; the promise it returns is
 * the PUBACK: it resolves when the message is on disk, and not before.
 */
export interface Publish {
  /** Who sent it: the identity the broker checked at CONNECT, not what the topic claims. */
  readonly gateway: string
  readonly topic: string
  readonly payload: Uint8Array
  readonly receivedAtMs: number
}

/** Resolves once the message is kept (journal or quarantine); rejects when it could not be, so that it comes again. */
export type AcceptPublish = (publish: Publish) => Promise<void>

/** A message of the house to one gateway or device, on any topic that gateway may hear. */
export interface DownMessage {
  readonly gateway: string
  readonly topic: string
  readonly payload: string | Uint8Array
  /** Kept for a gateway that is away now. */
  readonly retain?: boolean
}

/** The way down through the broker: a rebirth asked for, a command, a configuration. Best effort, QoS 1, never throws. */
export type SendDown = (message: DownMessage) => void
