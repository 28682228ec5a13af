/**
 * The packets that the broker writes itself, as bytes (MQTT 3.1.1 §3.3, §3.6).
 */

export interface PublishFields {
  readonly topic: string
  readonly payload: Buffer
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  readonly dup: boolean
  /** 1 to 65,535; left out on the wire with QoS 0. */
  readonly packetId: number
}

/** A PUBLISH (§3.3). */
export function publishBytes({ topic, payload, qos, retain, dup, packetId }: PublishFields): Buffer {
  const topicBytes = Buffer.byteLength(topic)
  const length = 2 + topicBytes + (qos > 0 ? 2 : 0) + payload.length
  const lengthField = remainingLength(length)
  const bytes = Buffer.allocUnsafe(1 + lengthField.length + length)
  let at = bytes.writeUInt8(0x30 | (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0), 0)
  at += lengthField.copy(bytes, at)
  at = bytes.writeUInt16BE(topicBytes, at)
  at += bytes.write(topic, at)
  if (qos > 0) at = bytes.writeUInt16BE(packetId, at)
  payload.copy(bytes, at)
  return bytes
}

/** A PUBREL (§3.6). */
export function pubrelBytes(packetId: number): Buffer {
  return Buffer.from([0x62, 2, packetId >> 8, packetId & 0xff])
}

/** How long the rest of a packet is, as it says at its head (§2.2.3): seven bits a byte, lowest first. */
export function remainingLength(length: number): Buffer {
  const bytes: number[] = []
  let rest = length
  do {
    const seven = rest % 128
    rest = Math.floor(rest / 128)
    bytes.push(rest > 0 ? seven | 0x80 : seven)
  } while (rest > 0)
  return Buffer.from(bytes)
}
