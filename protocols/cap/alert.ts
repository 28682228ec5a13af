/**
 * A whole CAP 1.2 alert, as XML. Required fields, code words, times and places are held against the standard; an
 * alert of the district's own or of another system is right in all of it or refused.
 */
import { childOf, childrenOf, parseXml, type XmlElement } from '../xml.ts'
import {
  type CapCircle,
  type CapPoint,
  type CapReference,
  type CodeElement,
  type codeWords,
  type Read,
  readCircle,
  readCode,
  readIdentifier,
  readList,
  readPolygon,
  readReferences,
  readTime,
} from './elements.ts'

type Code<E extends CodeElement> = (typeof codeWords)[E][number]

export interface CapArea {
  readonly areaDesc: string
  readonly polygons: readonly (readonly CapPoint[])[]
  readonly circles: readonly CapCircle[]
  readonly geocodes: readonly NamedValue[]
}

export interface NamedValue {
  readonly name: string
  readonly value: string
}

export interface CapInfo {
  readonly language: string
  readonly categories: readonly Code<'category'>[]
  readonly event: string
  readonly urgency: Code<'urgency'>
  readonly severity: Code<'severity'>
  readonly certainty: Code<'certainty'>
  readonly headline?: string
  readonly description?: string
  readonly instruction?: string
  readonly effectiveAtMs?: number
  readonly onsetAtMs?: number
  readonly expiresAtMs?: number
  readonly parameters: readonly NamedValue[]
  readonly areas: readonly CapArea[]
}

export interface CapAlert {
  readonly identifier: string
  readonly sender: string
  readonly sentAtMs: number
  readonly status: Code<'status'>
  readonly msgType: Code<'msgType'>
  readonly scope: Code<'scope'>
  readonly addresses: readonly string[]
  readonly references: readonly CapReference[]
  readonly infos: readonly CapInfo[]
}

const namespace = 'urn:oasis:names:tc:emergency:cap:1.2'

/** Thrown where a field is wrong and caught in `parseAlert`. */
class NotCap extends Error {}

/** Reads an alert. Returns a sentence about the first thing that is wrong. */
export function parseAlert(xml: string): CapAlert | string {
  const root = parseXml(xml)
  if (typeof root === 'string') return root
  if (root.name !== 'alert') return `the root element is ${root.name}, not alert`
  if (root.namespace !== namespace) return `the namespace is ${root.namespace ?? 'not said'}, not ${namespace}`
  try {
    return alertOf(root)
  } catch (error) {
    if (error instanceof NotCap) return error.message
    throw error
  }
}

function alertOf(root: XmlElement): CapAlert {
  const scope = needed(root, 'scope', text => readCode('scope', text))
  if (scope === 'Restricted') needed(root, 'restriction', filled)
  const addresses = optional(root, 'addresses', readList)
  if (scope === 'Private' && addresses === undefined) throw new NotCap('addresses: needed with scope Private')
  return {
    identifier: needed(root, 'identifier', readIdentifier),
    sender: needed(root, 'sender', readIdentifier),
    sentAtMs: needed(root, 'sent', readTime),
    status: needed(root, 'status', text => readCode('status', text)),
    msgType: needed(root, 'msgType', text => readCode('msgType', text)),
    scope,
    addresses: addresses ?? [],
    references: optional(root, 'references', readReferences) ?? [],
    infos: childrenOf(root, 'info').map(infoOf),
  }
}

function infoOf(info: XmlElement): CapInfo {
  const categories = childrenOf(info, 'category').map(({ text }) =>
    taken('category', readCode('category', text.trim())),
  )
  if (categories.length === 0) throw new NotCap('category: missing')
  for (const { text } of childrenOf(info, 'responseType')) taken('responseType', readCode('responseType', text.trim()))
  return {
    language: optional(info, 'language', filled) ?? 'en-US',
    categories,
    event: needed(info, 'event', filled),
    urgency: needed(info, 'urgency', text => readCode('urgency', text)),
    severity: needed(info, 'severity', text => readCode('severity', text)),
    certainty: needed(info, 'certainty', text => readCode('certainty', text)),
    ...given('headline', optional(info, 'headline', anyText)),
    ...given('description', optional(info, 'description', anyText)),
    ...given('instruction', optional(info, 'instruction', anyText)),
    ...given('effectiveAtMs', optional(info, 'effective', readTime)),
    ...given('onsetAtMs', optional(info, 'onset', readTime)),
    ...given('expiresAtMs', optional(info, 'expires', readTime)),
    parameters: childrenOf(info, 'parameter').map(namedValue),
    areas: childrenOf(info, 'area').map(areaOf),
  }
}

function areaOf(area: XmlElement): CapArea {
  return {
    areaDesc: needed(area, 'areaDesc', filled),
    polygons: childrenOf(area, 'polygon').map(({ text }) => taken('polygon', readPolygon(text))),
    circles: childrenOf(area, 'circle').map(({ text }) => taken('circle', readCircle(text))),
    geocodes: childrenOf(area, 'geocode').map(namedValue),
  }
}

function namedValue(element: XmlElement): NamedValue {
  return { name: needed(element, 'valueName', anyText), value: needed(element, 'value', anyText) }
}

function needed<T>(element: XmlElement, name: string, read: (text: string) => Read<T>): T {
  const child = childOf(element, name)
  if (child === undefined) throw new NotCap(`${name}: missing in ${element.name}`)
  return taken(name, read(child.text.trim()))
}

function optional<T>(element: XmlElement, name: string, read: (text: string) => Read<T>): T | undefined {
  const child = childOf(element, name)
  // An element that is there and empty says as little as one that is not there.
  return child === undefined || child.text.trim() === '' ? undefined : taken(name, read(child.text.trim()))
}

function taken<T>(name: string, read: Read<T>): T {
  if (typeof read === 'string') throw new NotCap(`${name}: ${read}`)
  return read.value
}

function filled(text: string): Read<string> {
  return text === '' ? 'is empty' : { value: text }
}

function anyText(text: string): Read<string> {
  return { value: text }
}

function given<K extends string, T>(key: K, value: T | undefined): Partial<Record<K, T>> {
  const some: Partial<Record<K, T>> = {}
  if (value !== undefined) some[key] = value
  return some
}
