/**
 * What SDI-12 sensors answer (version 1.4, §4.4): values with or without a CRC, the promise of values, who they are,
 * what their parameters are called. A line says neither what was asked nor whether a CRC was; its form does.
 */

export type Sdi12Answer =
  | { readonly kind: 'values'; readonly address: string; readonly values: readonly number[]; readonly withCrc: boolean }
  /** To M and V (one digit of count), C (two) and H (three): ready after so many seconds, with so many values. */
  | { readonly kind: 'promise'; readonly address: string; readonly readyInS: number; readonly count: number }
  | {
      readonly kind: 'identification'
      readonly address: string
      /** `1.4` */
      readonly sdi12: string
      readonly vendor: string
      readonly model: string
      readonly version: string
      readonly extra: string
    }
  /** Names, units and remarks of a parameter, as the sensor puts them. */
  | { readonly kind: 'metadata'; readonly address: string; readonly fields: readonly string[] }

export interface Sdi12Fault {
  readonly fault: 'reject' | 'incomplete'
  readonly error: string
}

const addressPart = '([0-9A-Za-z])'
/** Sign, one to seven digits, perhaps a point (§4.4.6). */
const valuePart = String.raw`[+-](?=\.?\d)(?:\d{1,7}|(?=[\d.]{2,8}(?:[+-]|$|[@-\x7f]))\d*\.\d*)`
const crcPart = String.raw`([@-\x7f]{3})`
const valuesForm = new RegExp(`^${addressPart}((?:${valuePart})*)${crcPart}?$`)
const promiseForm = new RegExp(String.raw`^${addressPart}(\d{3})(\d{1,3})${crcPart}?$`)
const identificationForm = new RegExp(String.raw`^${addressPart}(\d)(\d)([ -~]{8})([ -~]{6})([ -~]{3})([ -~]{0,13})$`)
const metadataForm = new RegExp(String.raw`^${addressPart}((?:,[ -:<-~]*)*);${crcPart}?$`)

/** Reads one line, with or without its CR LF. */
export function readAnswer(line: string): Sdi12Answer | Sdi12Fault {
  const text = line.replace(/\r?\n?$/, '')
  if (text === '') return { fault: 'incomplete', error: 'an empty line' }
  const form = [valuesForm, promiseForm, metadataForm].map(pattern => pattern.exec(text)).find(found => found !== null)
  if (form === undefined) return identificationOf(text) ?? { fault: 'reject', error: 'no answer of SDI-12' }
  const given = form.at(-1)
  const computed = crcText(text.slice(0, -3))
  if (given !== undefined && given !== computed) {
    return { fault: 'reject', error: `the CRC is ${given}, computed ${computed}` }
  }
  const [, address = '', body = '', count] = form
  if (text.includes(';')) return { kind: 'metadata', address, fields: body.split(',').slice(1) }
  if (form.length === 5) return { kind: 'promise', address, readyInS: Number(body), count: Number(count) }
  // Plus 0: a sensor's -0 is 0.
  const values = (body.match(/[+-][\d.]+/g) ?? []).map(value => Number(value) + 0)
  return { kind: 'values', address, values, withCrc: given !== undefined }
}

function identificationOf(text: string): Sdi12Answer | undefined {
  const found = identificationForm.exec(text)
  if (found === null) return undefined
  const [, address = '', major = '', minor = '', vendor = '', model = '', version = '', extra = ''] = found
  return {
    kind: 'identification',
    address,
    sdi12: `${major}.${minor}`,
    vendor: vendor.trim(),
    model: model.trim(),
    version: version.trim(),
    extra: extra.trim(),
  }
}

/** Three printable characters: CRC-16 with polynomial A001 from 0, four, six and six bits at a time (§4.4.12). */
export function crcText(text: string): string {
  let crc = 0
  for (const byte of Buffer.from(text, 'latin1')) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1
  }
  return String.fromCharCode(0x40 | (crc >> 12), 0x40 | ((crc >> 6) & 0x3f), 0x40 | (crc & 0x3f))
}
