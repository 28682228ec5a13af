/**
 * What stands in the bodies of JT/T 808 messages, as far as the house acts on it: answers, registration,
 * authentication, locations. Bodies of the 2019 edition differ in registration, authentication and text.
 */

import type { Jt808Message } from './frame.ts'
import { readGbk } from './gbk.ts'
import { readLocation, type VehicleLocation } from './location.ts'

export interface Answer {
  readonly ackSerial: number
  readonly ackMsgId: string
  /** 0 done, 1 failed, 2 message wrong, 3 not supported, 4 alarm confirmed. */
  readonly result: number
}

export interface Registration {
  readonly province: number
  readonly city: number
  readonly maker: string
  readonly model: string
  readonly terminalId: string
  /** 0: no plate yet, and `plate` is the frame number. */
  readonly plateColor: number
  readonly plate: string
}

export interface Authentication {
  readonly authCode: string
  /** Since the 2019 edition. */
  readonly imei?: string
  readonly software?: string
}

export interface RegisterReply {
  readonly ackSerial: number
  /** 0 done, 1 vehicle already registered, 2 no such vehicle, 3 terminal already registered, 4 no such terminal. */
  readonly result: number
  readonly authCode: string
}

export interface LocationBatch {
  readonly count: number
  /** 0 as usual, 1 kept while out of reach. */
  readonly type: number
  readonly items: readonly VehicleLocation[]
}

export interface DriverText {
  readonly flag: number
  readonly text: string
}

/** 0001 and 8001. */
export function readAnswer(body: Uint8Array): Answer | undefined {
  if (body.length !== 5) return undefined
  const bytes = Buffer.from(body)
  return {
    ackSerial: bytes.readUInt16BE(0),
    ackMsgId: bytes.toString('hex', 2, 4).toUpperCase(),
    result: bytes.readUInt8(4),
  }
}

/** Widths of maker, model and terminal number, by edition. The 2011 edition is told by its length. */
const registrationWidths = { 2011: [5, 8, 7], 2013: [5, 20, 7], 2019: [11, 30, 30] } as const

/** 0100. */
export function readRegistration({ body, version2019 }: Pick<Jt808Message, 'body' | 'version2019'>) {
  const widths = registrationWidths[version2019 ? 2019 : body.length < 37 ? 2011 : 2013]
  const [maker, model, terminalId] = widths
  const fixed = 4 + maker + model + terminalId + 1
  if (body.length < fixed) return undefined
  const bytes = Buffer.from(body)
  const text = (from: number, length: number) => readGbk(bytes.subarray(from, from + length))
  return {
    province: bytes.readUInt16BE(0),
    city: bytes.readUInt16BE(2),
    maker: text(4, maker),
    model: text(4 + maker, model),
    terminalId: text(4 + maker + model, terminalId),
    plateColor: bytes.readUInt8(fixed - 1),
    plate: readGbk(bytes.subarray(fixed)),
  } satisfies Registration
}

/** 0102. In the 2019 edition the code has a length, and the terminal's IMEI and software follow. */
export function readAuthentication({ body, version2019 }: Pick<Jt808Message, 'body' | 'version2019'>) {
  if (!version2019) return { authCode: readGbk(body) } satisfies Authentication
  const length = body[0]
  if (length === undefined || body.length < 1 + length + 15) return undefined
  const after = 1 + length
  return {
    authCode: readGbk(body.subarray(1, after)),
    imei: readGbk(body.subarray(after, after + 15)),
    software: readGbk(body.subarray(after + 15)),
  } satisfies Authentication
}

/** 8100. */
export function readRegisterReply(body: Uint8Array): RegisterReply | undefined {
  if (body.length < 3) return undefined
  const bytes = Buffer.from(body)
  return { ackSerial: bytes.readUInt16BE(0), result: bytes.readUInt8(2), authCode: readGbk(bytes.subarray(3)) }
}

/** 0704: what was kept while out of reach, or a usual report in one message. Undefined when it contradicts itself. */
export function readBatch(body: Uint8Array): LocationBatch | undefined {
  if (body.length < 3) return undefined
  const bytes = Buffer.from(body)
  const count = bytes.readUInt16BE(0)
  const items: VehicleLocation[] = []
  let at = 3
  for (; at + 2 <= bytes.length; ) {
    const length = bytes.readUInt16BE(at)
    const item = bytes.subarray(at + 2, at + 2 + length)
    const location = item.length === length ? readLocation(item) : undefined
    if (location === undefined) return undefined
    items.push(location)
    at += 2 + length
  }
  if (at !== bytes.length || items.length !== count) return undefined
  return { count, type: bytes.readUInt8(2), items }
}

/** 0201: the answer to 8201. */
export function readQueriedLocation(body: Uint8Array): { ackSerial: number; location: VehicleLocation } | undefined {
  const location = body.length < 2 ? undefined : readLocation(body.subarray(2))
  return location === undefined ? undefined : { ackSerial: Buffer.from(body).readUInt16BE(0), location }
}

/** 8300 of the 2013 edition. */
export function readText(body: Uint8Array): DriverText | undefined {
  const flag = body[0]
  return flag === undefined ? undefined : { flag, text: readGbk(body.subarray(1)) }
}
