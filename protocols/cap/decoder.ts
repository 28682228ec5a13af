/**
 * CAP on the command line and in the vectors: a whole alert, or the text of one element whose name is the kind.
 */
import { accepted, type Decoded, type Frame, type FrameDecoder, refused } from '../frame-decoder.ts'
import { type CapAlert, parseAlert } from './alert.ts'
import {
  type CodeElement,
  codeWords,
  type Read,
  readCircle,
  readCode,
  readIdentifier,
  readList,
  readPolygon,
  readReferences,
  readTime,
  readUri,
} from './elements.ts'

export const capDecoder: FrameDecoder = { protocol: 'cap', standard: 'OASIS CAP 1.2', decode }

const readers: Readonly<Record<string, (text: string) => Read<unknown>>> = {
  addresses: readList,
  incidents: readList,
  spaceDelimited: readList,
  circle: readCircle,
  polygon: readPolygon,
  references: readReferences,
  dateTime: readTime,
  sent: readTime,
  effective: readTime,
  onset: readTime,
  expires: readTime,
  identifier: readIdentifier,
  sender: readIdentifier,
  web: readUri,
  uri: readUri,
  url: readUri,
}

function decode({ text, bytes, kind }: Frame): Decoded {
  const written = text ?? (bytes === undefined ? undefined : utf8Of(bytes))
  if (written === undefined) return refused('CAP is text')
  const isAlert = kind === undefined || kind === 'alert' || /^\s*<[?!a-zA-Z]/.test(written)
  return isAlert ? decodeAlert(written) : decodeElement(kind, written)
}

function utf8Of(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined // no UTF-8: refused with the words for that
  }
}

function decodeElement(element: string, text: string): Decoded {
  const code = isCode(element) ? element : undefined
  const reader = Object.hasOwn(readers, element) ? readers[element] : undefined
  const read = code === undefined ? reader?.(text) : readCode(code, text)
  if (read === undefined) return refused(`there is no reader for the element ${element}`)
  return typeof read === 'string' ? refused(read) : accepted({ valid: true })
}

function isCode(element: string): element is CodeElement {
  return Object.hasOwn(codeWords, element)
}

function decodeAlert(xml: string): Decoded {
  const alert = parseAlert(xml)
  return typeof alert === 'string' ? refused(alert) : accepted(alertRecord(alert))
}

function alertRecord({ sentAtMs, references, infos, addresses, ...head }: CapAlert) {
  const parameters = infos.flatMap(info => info.parameters.map(({ name, value }): [string, string] => [name, value]))
  const circle = infos[0]?.areas[0]?.circles[0]
  return {
    ...head,
    sentUTC: utcText(sentAtMs),
    infos: infos.length,
    event: infos.map(({ event }) => event),
    urgency: infos.map(({ urgency }) => urgency),
    severity: infos.map(({ severity }) => severity),
    certainty: infos.map(({ certainty }) => certainty),
    parameters: Object.fromEntries(parameters),
    ...(addresses.length === 0 ? {} : { addresses }),
    ...(references.length === 0
      ? {}
      : { references: references.map(({ sentAtMs: at, ...rest }) => ({ ...rest, sentUTC: utcText(at) })) }),
    ...(circle === undefined ? {} : { circle: { lat: circle.lat, lon: circle.lon, radius_km: circle.radiusKm } }),
    info: infos,
  }
}

function utcText(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19)}Z`
}
