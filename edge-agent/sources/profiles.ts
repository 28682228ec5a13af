/**
 * Reads device profiles (YAML): what can be started of one, or what is wrong with it, in which line, and what is right.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Document, isMap, isScalar, LineCounter, parseDocument } from 'yaml'
import type { z } from 'zod'
import { kindNames, loadKind } from './kinds.ts'
import type { PreparedSource } from './source.ts'

/** What is wrong with a profile, for the person who wrote it. */
export interface ProfileTrouble {
  readonly file: string
  /** From 1. */
  readonly line: number
  /** What is wrong and what is right, in a sentence. */
  readonly sentence: string
}

/** `rain.yaml:7: listen.port: …`, as editors understand it. */
export function troubleText({ file, line, sentence }: ProfileTrouble): string {
  return `${file}:${line}: ${sentence}`
}

export type ReadProfile = { readonly prepared: PreparedSource } | { readonly troubles: readonly ProfileTrouble[] }

/** Reads the text of one profile; `file` is its name, for messages. */
export async function readProfile(file: string, text: string): Promise<ReadProfile> {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines })
  const [fault] = document.errors
  const at = (offset: number, sentence: string) => ({
    troubles: [{ file, line: lines.linePos(offset).line, sentence }],
  })
  if (fault !== undefined) return at(fault.pos[0], `no YAML: ${fault.message.split('\n')[0]}`)
  if (!isMap(document.contents)) return at(0, 'a profile is a list of fields: source, gateway …')
  const name = document.get('source')
  const known = `the kinds of source are ${kindNames.join(', ')}`
  if (typeof name !== 'string') return at(0, `"source" must name a kind of source; ${known}`)
  const kind = await loadKind(name)
  if (kind === undefined) return at(offsetOf(document, ['source']), `source: there is none called "${name}"; ${known}`)
  const outcome = kind.prepare(document.toJS())
  if (!('length' in outcome)) return { prepared: outcome }
  return {
    troubles: outcome.map(issue => ({
      file,
      line: lines.linePos(offsetOf(document, placeOf(issue))).line,
      sentence: sentenceOf(issue),
    })),
  }
}

/** Where the issue is: a field too many has a place of its own. */
function placeOf(issue: z.core.$ZodIssue): readonly PropertyKey[] {
  const [unknownKey] = issue.code === 'unrecognized_keys' ? issue.keys : []
  return unknownKey === undefined ? issue.path : [...issue.path, unknownKey]
}

function sentenceOf(issue: z.core.$ZodIssue): string {
  const place = issue.path.map(String).join('.')
  const message = messageOf(issue)
  return place === '' ? message : `${place}: ${message}`
}

function messageOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys')
    return `there is no field ${issue.keys.map(key => `"${key}"`).join(', ')} here`
  const [, expected] = /^Invalid input: expected (.+), received undefined$/.exec(issue.message) ?? []
  return expected === undefined ? issue.message.replace(/^Invalid input: /, '') : `is missing (${expected})`
}

/** The offset in the text of the deepest field of the path that is there. */
function offsetOf(document: Document.Parsed, path: readonly PropertyKey[]): number {
  for (let depth = path.length; depth > 0; depth--) {
    const offset = offsetOfField(document, path.slice(0, depth))
    if (offset !== undefined) return offset
  }
  return document.contents?.range?.[0] ?? 0
}

function offsetOfField(document: Document.Parsed, path: readonly PropertyKey[]): number | undefined {
  const key = path.at(-1)
  const parent: unknown = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true)
  if (isMap(parent)) {
    const pair = parent.items.find(item => isScalar(item.key) && String(item.key.value) === String(key))
    return isScalar(pair?.key) ? pair.key.range?.[0] : undefined
  }
  const node: unknown = document.getIn(path, true)
  return typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)
    ? Number(node.range[0])
    : undefined
}

/** The profiles of a folder by file name: `*.yaml` and `*.yml`, in the order of the alphabet. */
export async function profileTexts(dir: string): Promise<ReadonlyMap<string, string>> {
  const names = (await readdir(dir)).filter(name => /^[^.].*\.ya?ml$/.test(name)).toSorted()
  const texts = new Map<string, string>()
  for (const name of names) {
    const text = await readFile(join(dir, name), 'utf8').catch(() => undefined) // gone since the listing
    if (text !== undefined) texts.set(name, text)
  }
  return texts
}
