/**
 * MQTT 3.1.1 packets as the load generator sends them, made by hand.
 */

/** A text with its length in front (§1.5.3). */
export function textField(text: string): Buffer {
  const bytes = Buffer.from(text)
  const head = Buffer.alloc(2)
  head.writeUInt16BE(bytes.length)
  return Buffer.concat([head, bytes])
}

function remainingLength(length: number): Buffer {
  const bytes: number[] = []
  let left = length
  do {
    const digit = left % 128
    left = Math.floor(left / 128)
    bytes.push(left > 0 ? digit | 0x80 : digit)
  } while (left > 0)
  return Buffer.from(bytes)
}

/** §3.1, clean session, no keep-alive; without a login when `username` is empty. */
export function connectPacket({
  id,
  username,
  password,
}: {
  readonly id: string
  readonly username: string
  readonly password: string
}): Buffer {
  const withLogin = username !== ''
  const body = Buffer.concat([
    textField('MQTT'),
    Buffer.from([4, withLogin ? 0xc2 : 0x02, 0, 0]),
    textField(id),
    ...(withLogin ? [textField(username), textField(password)] : []),
  ])
  return Buffer.concat([Buffer.from([0x10]), remainingLength(body.length), body])
}

/** §3.3, QoS 1. `topic` is a text field; `parts` are the payload. */
export function publishPacket(topic: Buffer, id: number, parts: readonly Buffer[]): Buffer {
  let bytes = 0
  for (const part of parts) bytes += part.length
  const length = remainingLength(topic.length + 2 + bytes)
  const packet = Buffer.allocUnsafe(1 + length.length + topic.length + 2 + bytes)
  packet[0] = 0x32
  let at = 1 + length.copy(packet, 1)
  at += topic.copy(packet, at)
  at = packet.writeUInt16BE(id, at)
  for (const part of parts) at += part.copy(packet, at)
  return packet
}

/** The same, retained. */
export function retainedPacket(topic: Buffer, id: number, payload: string): Buffer {
  const packet = publishPacket(topic, id, [Buffer.from(payload)])
  packet[0] = 0x33
  return packet
}

/** §3.8, one filter, QoS 0. */
export function subscribePacket(id: number, filter: string): Buffer {
  const body = Buffer.concat([Buffer.from([id >> 8, id & 0xff]), textField(filter), Buffer.from([0])])
  return Buffer.concat([Buffer.from([0x82]), remainingLength(body.length), body])
}
