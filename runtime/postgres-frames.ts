/**
 * The frames of PostgreSQL's wire protocol, version 3 (PostgreSQL documentation, chapter "Frontend/Backend
 * Protocol"): only what is needed to let several connections take turns on one session.
 */

/** One message of a client: its type letter and the whole frame with type and length. */
export interface Frame {
  readonly type: string
  readonly bytes: Buffer
}

export const startupCode = { ssl: 80_877_103, gss: 80_877_104, cancel: 80_877_102, version3: 196_608 } as const

/** Takes one untyped start-up frame off the front: its code and body; undefined while it is incomplete. */
export function takeStartup(buffer: Buffer): { code: number; body: Buffer; rest: Buffer } | undefined {
  if (buffer.length < 8) return undefined
  const length = buffer.readInt32BE(0)
  if (length < 8 || buffer.length < length) return undefined
  return { code: buffer.readInt32BE(4), body: buffer.subarray(8, length), rest: buffer.subarray(length) }
}

/** Takes one typed frame off the front; undefined while it is incomplete. */
export function takeFrame(buffer: Buffer): { frame: Frame; rest: Buffer } | undefined {
  if (buffer.length < 5) return undefined
  const end = 1 + buffer.readInt32BE(1)
  if (end < 5 || buffer.length < end) return undefined
  return {
    frame: { type: String.fromCharCode(buffer[0] ?? 0), bytes: buffer.subarray(0, end) },
    rest: buffer.subarray(end),
  }
}

/** Name–value pairs of a start-up message. */
export function startupParameters(body: Buffer): Map<string, string> {
  const texts = body.toString('utf8').split('\0')
  const parameters = new Map<string, string>()
  for (let i = 0; i + 1 < texts.length && texts[i] !== ''; i += 2) parameters.set(texts[i] ?? '', texts[i + 1] ?? '')
  return parameters
}

/** Writes one typed frame. */
export function frameOf(type: string, body: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(5 + body.length)
  bytes.write(type, 0, 'latin1')
  bytes.writeInt32BE(4 + body.length, 1)
  body.copy(bytes, 5)
  return bytes
}

/** A simple query, as a client would send it. */
export function queryFrame(sql: string): Buffer {
  return frameOf('Q', cString(sql))
}

/** A text as the protocol ends it: with a zero byte. */
export function cString(text: string): Buffer {
  return Buffer.from(`${text}\0`, 'utf8')
}

function int32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeInt32BE(value)
  return bytes
}

export const askForPassword = frameOf('R', int32(3))
export const syncFrame = frameOf('S', Buffer.alloc(0))

/** What a server says once the password was right. */
export function welcome({ serverVersion, process }: { serverVersion: string; process: number }): Buffer {
  const parameters = Object.entries({
    server_version: serverVersion,
    server_encoding: 'UTF8',
    client_encoding: 'UTF8',
    DateStyle: 'ISO, MDY',
    TimeZone: 'UTC',
    integer_datetimes: 'on',
    standard_conforming_strings: 'on',
  }).map(([name, value]) => frameOf('S', Buffer.concat([cString(name), cString(value)])))
  return Buffer.concat([
    frameOf('R', int32(0)),
    ...parameters,
    frameOf('K', Buffer.concat([int32(process), int32(0)])),
    frameOf('Z', Buffer.from('I')),
  ])
}

/** A fatal error; the connection is closed after it. `code` is an SQLSTATE. */
export function fatalError({ code, message }: { code: string; message: string }): Buffer {
  const fields = [`SFATAL`, `VFATAL`, `C${code}`, `M${message}`].map(cString)
  return frameOf('E', Buffer.concat([...fields, Buffer.from([0])]))
}

/** A backend's answer, taken apart: what goes to the asker, notifications for listeners, and how it ended. */
export interface Answer {
  readonly bytes: Buffer
  readonly notifications: readonly { channel: string; bytes: Buffer }[]
  /** Of the last ReadyForQuery: I idle, T in a transaction, E in a failed one; undefined: not done yet. */
  readonly status: string | undefined
  readonly failed: boolean
}

/** Notifications come in whoever's answer is written first: they are taken out and go to those who listen. */
export function takeApart(output: Buffer): Answer {
  const notifications: { channel: string; bytes: Buffer }[] = []
  const kept: Buffer[] = []
  let status: string | undefined
  let failed = false
  let keptFrom = 0
  for (let at = 0; at + 5 <= output.length; ) {
    const type = output[at]
    const end = at + 1 + output.readInt32BE(at + 1)
    if (type === 0x41 /* A */) {
      kept.push(output.subarray(keptFrom, at))
      keptFrom = end
      const bytes = output.subarray(at, end)
      notifications.push({ channel: textUntilNul(bytes, 9), bytes })
    }
    if (type === 0x5a /* Z */) status = String.fromCharCode(output[at + 5] ?? 0)
    if (type === 0x45 /* E */) failed = true
    at = end
  }
  kept.push(output.subarray(keptFrom))
  return { bytes: kept.length === 1 ? output : Buffer.concat(kept), notifications, status, failed }
}

function textUntilNul(bytes: Buffer, from: number): string {
  return bytes.toString('utf8', from, bytes.indexOf(0, from))
}

/**
 * The same frame with the name of its prepared statement prefixed, so that two connections may use one name.
 * Frames without a named statement come back as they are.
 */
export function withOwnStatement({ type, bytes }: Frame, prefix: string): Buffer {
  if (type === 'P') return inserted(bytes, { at: 5, prefix })
  if (type === 'B') return inserted(bytes, { at: bytes.indexOf(0, 5) + 1, prefix })
  if ((type === 'D' || type === 'C') && bytes[5] === 0x53 /* S */) return inserted(bytes, { at: 6, prefix })
  return bytes
}

function inserted(bytes: Buffer, { at, prefix }: { at: number; prefix: string }): Buffer {
  if (bytes[at] === 0) return bytes
  const body = Buffer.concat([bytes.subarray(5, at), Buffer.from(prefix), bytes.subarray(at)])
  return frameOf(String.fromCharCode(bytes[0] ?? 0), body)
}

/** The SQL text that a Query or Parse frame carries. */
export function sqlOf({ type, bytes }: Frame): string | undefined {
  if (type === 'Q') return textUntilNul(bytes, 5)
  if (type === 'P') return textUntilNul(bytes, bytes.indexOf(0, 5) + 1)
  return undefined
}
