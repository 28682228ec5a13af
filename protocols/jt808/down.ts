/**
 * What the house says to a vehicle over JT/T 808: answers, registration, a text for the driver, closer tracking,
 * parameters. Only bodies; frame.ts wraps them.
 */
import type { Jt808Message } from './frame.ts'
import { writeGbk } from './gbk.ts'

/** To whom, in which edition, and the house's own serial number for it. */
export type Addressee = Pick<Jt808Message, 'phone' | 'version2019' | 'protocolVersion' | 'serial'>

/** 8001: `result` 0 done, 1 failed, 2 message wrong, 3 not supported. */
export function answerTo(asked: Pick<Jt808Message, 'msgId' | 'serial'>, to: Addressee, result: 0 | 1 | 2 | 3) {
  const body = Buffer.alloc(5)
  body.writeUInt16BE(asked.serial, 0)
  body.write(asked.msgId, 2, 'hex')
  body.writeUInt8(result, 4)
  return message('8001', to, body)
}

/** 8100: the code that the terminal has to say at 0102 goes with result 0 only. */
export function registerReply(
  asked: Pick<Jt808Message, 'serial'>,
  to: Addressee,
  outcome: { result: 0; authCode: string } | { result: 1 | 2 | 3 | 4 },
) {
  const head = Buffer.alloc(3)
  head.writeUInt16BE(asked.serial, 0)
  head.writeUInt8(outcome.result, 2)
  return message('8100', to, Buffer.concat([head, outcome.result === 0 ? writeGbk(outcome.authCode) : Buffer.alloc(0)]))
}

/** The longest text a terminal has to take, bytes of GBK (JT/T 808-2013 §8.37). */
export const longestTextBytes = 1024 - 2 - 1

/**
 * 8300: `flag` bit 0 urgent, 2 shown on the terminal, 3 read aloud, 4 on the advertising screen. In the 2019 edition
 * a kind follows: 1 a notice, 2 a service. A text that is too long is cut at a whole character.
 */
export function textToDriver(to: Addressee, { flag, text }: { flag: number; text: string }) {
  const head = to.version2019 ? Uint8Array.of(flag, 1) : Uint8Array.of(flag)
  let fitting = text
  while (writeGbk(fitting).length > longestTextBytes) fitting = fitting.slice(0, -1)
  return message('8300', to, Buffer.concat([head, writeGbk(fitting)]))
}

/** 8202: reports every `intervalS` s for `durationS` s; interval 0 ends it, and then the duration is left out. */
export function trackClosely(to: Addressee, { intervalS, durationS }: { intervalS: number; durationS: number }) {
  const body = Buffer.alloc(intervalS === 0 ? 2 : 6)
  body.writeUInt16BE(intervalS, 0)
  if (intervalS !== 0) body.writeUInt32BE(durationS, 2)
  return message('8202', to, body)
}

/** 8201: say where you are, now. */
export function whereAreYou(to: Addressee) {
  return message('8201', to, Buffer.alloc(0))
}

/** A terminal's parameter, e.g. 0001 heartbeat s, 0029 usual reporting interval s; a number is a DWORD, text is GBK. */
export interface TerminalParameter {
  readonly id: number
  readonly value: number | string | Uint8Array
}

/** 8103. */
export function setParameters(to: Addressee, parameters: readonly TerminalParameter[]) {
  const items = parameters.map(({ id, value }) => {
    const bytes = typeof value === 'number' ? dword(value) : typeof value === 'string' ? writeGbk(value) : value
    return Buffer.concat([dword(id), Uint8Array.of(bytes.length), bytes])
  })
  return message('8103', to, Buffer.concat([Uint8Array.of(parameters.length), ...items]))
}

function message(msgId: string, to: Addressee, body: Uint8Array): Jt808Message {
  return { msgId, encrypt: 0, ...to, body }
}

function dword(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
