/**
 * A rule file, from text to a rule that can run, or to errors that say where and what.
 */
import { createHash } from 'node:crypto'
import { levels } from '@forewarn/contracts/level'
import { type Document, isMap, isNode, isPair, isScalar, LineCounter, parseDocument } from 'yaml'
import type { z } from 'zod'
import { compileExpression, isFault } from './expression.ts'
import { nearWord } from './near-word.ts'
import type { Expression, Held, Outcome, Rule, RuleLevel } from './rule.ts'
import { RuleFile, StoryFile } from './schema.ts'
import { toStory } from './story-series.ts'

/** What is wrong, where (both counted from 1), and the line with a caret under it. */
export interface RuleError {
  readonly line: number
  readonly column: number
  readonly message: string
  readonly excerpt: string
}

export type RuleParsing = { readonly rule: Rule } | { readonly errors: readonly RuleError[] }

type Path = readonly (string | number)[]

/** The text of a rule file and what is needed to point into it. */
interface Source {
  readonly text: string
  readonly document: Document.Parsed
  readonly lines: LineCounter
  readonly errors: RuleError[]
}

/** Reads one rule. Never throws for what a person may have written. */
export function parseRule(text: string): RuleParsing {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const source: Source = { text, document, lines, errors: [] }
  for (const error of document.errors) pushError(source, error.pos[0], firstLine(error.message))
  if (source.errors.length > 0) return { errors: source.errors }
  const raw = plainValue(source)
  if (source.errors.length > 0) return { errors: source.errors }
  const file = RuleFile.safeParse(raw)
  if (!file.success) {
    for (const issue of file.error.issues) pushIssue(source, issue)
    return { errors: source.errors }
  }
  checkOrder(source, file.data)
  const rule = assemble(source, file.data)
  return source.errors.length > 0 ? { errors: source.errors } : { rule }
}

/** YAML can be sound and still have no value: an alias to nothing, for one. */
function plainValue(source: Source): unknown {
  try {
    return source.document.toJS()
  } catch (error) {
    pushError(source, 0, error instanceof Error ? firstLine(error.message) : String(error))
    return undefined
  }
}

/** The first level that holds decides, and a reader expects the worst on top. */
function checkOrder(source: Source, file: RuleFile): void {
  const node = source.document.get('levels')
  if (!isMap(node)) return
  const written = node.items.map(item => (isScalar(item.key) ? String(item.key.value) : ''))
  const ordered = levels.filter(level => file.levels[level] !== undefined)
  if (written.join() === ordered.join()) return
  const keyAt = keyOffset(source, [], 'levels')
  pushError(source, keyAt, `levels are written worst first: ${ordered.join(', ')}`)
}

function assemble(source: Source, file: RuleFile): Rule {
  const compiledLevels = levels.flatMap((level): RuleLevel[] => {
    const text = file.levels[level]
    return text === undefined ? [] : [{ level, when: condition(source, text, ['levels', level]) }]
  })
  const holdMs = file.hold ?? 0
  const { forecast } = file
  return {
    name: file.rule,
    version: versionOf(file),
    title: file.title,
    hazard: file.hazard,
    watch: file.watch,
    where: file.where === undefined ? undefined : condition(source, file.where, ['where']),
    levels: compiledLevels,
    holdMs,
    clear: clearOf(source, file, compiledLevels),
    silentPeriods: file.silent,
    plan: file.plan,
    forecast: forecast && { model: forecast.model, horizonMs: forecast.horizon, everyMs: forecast.every },
    outcome: outcomeOf(source, file),
    stories: file.stories.map((story, index) =>
      toStory(story, (path, message) => pushAt(source, ['stories', index, ...path], message)),
    ),
  }
}

/** Without a clear condition a warning ends once no level holds any more, for as long as it took to begin. */
function clearOf(source: Source, file: RuleFile, compiled: readonly RuleLevel[]): Held {
  if (file.clear !== undefined) {
    return { when: condition(source, file.clear.when, ['clear', 'when']), holdMs: file.clear.hold ?? 0 }
  }
  const calm: Expression = {
    source: 'no level holds',
    holds: window => !compiled.some(level => level.when.holds(window)),
    quantities: [],
    spans: [],
    limits: [],
  }
  return { when: calm, holdMs: file.hold ?? 0 }
}

function outcomeOf(source: Source, file: RuleFile): Outcome | undefined {
  if (file.outcome === undefined) return undefined
  const when = condition(source, file.outcome.when, ['outcome', 'when'])
  return { watch: file.outcome.watch, when, holdMs: file.outcome.hold ?? 0 }
}

const never: Expression = { source: 'false', holds: () => false, quantities: [], spans: [], limits: [] }

function condition(source: Source, text: string, path: Path): Expression {
  const compiled = compileExpression(text)
  if (!isFault(compiled)) return compiled
  const node = source.document.getIn(path, true)
  const quoted = isScalar(node) && (node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE') ? 1 : 0
  const start = isNode(node) ? (node.range?.[0] ?? 0) : 0
  // A folded block has other line breaks than the text it stands for: point at its beginning only.
  const isBlock = isScalar(node) && (node.type === 'BLOCK_FOLDED' || node.type === 'BLOCK_LITERAL')
  pushError(source, isBlock ? start : start + quoted + compiled.offset, compiled.message)
  return never
}

function pushIssue(source: Source, issue: z.core.$ZodIssue): void {
  const path = issue.path.filter(step => typeof step !== 'symbol')
  if (issue.code !== 'unrecognized_keys') return pushAt(source, path, messageOf(issue))
  for (const key of issue.keys) {
    const near = nearWord(key, knownKeys)
    const hint = near === undefined ? '' : `; did you mean "${near}"?`
    pushError(source, keyOffset(source, path, key), `a rule knows no "${key}"${hint}`)
  }
}

const knownKeys = [
  ...Object.keys(RuleFile.shape),
  ...Object.keys(StoryFile.shape),
  ...levels,
  'when',
  'model',
  'horizon',
  'kind',
  'limits',
  'zh',
  'en',
]

function messageOf(issue: z.core.$ZodIssue): string {
  const where = issue.path.map(String).join('.')
  if (issue.code === 'invalid_value') return `${where}: one of ${issue.values.map(String).join(', ')} is expected`
  if (issue.code === 'invalid_type') return `${where || 'the file'}: ${issue.expected} is expected here`
  return issue.message
}

function keyOffset(source: Source, path: Path, key: string): number {
  const parent = path.length === 0 ? source.document.contents : source.document.getIn(path, true)
  if (!isMap(parent)) return 0
  const pair = parent.items.find(item => isScalar(item.key) && String(item.key.value) === key)
  return pair !== undefined && isNode(pair.key) ? (pair.key.range?.[0] ?? 0) : 0
}

/** Points at the value at a path, or, where there is none, at the nearest thing above it. */
function pushAt(source: Source, path: Path, message: string): void {
  for (let length = path.length; length >= 0; length--) {
    const part = path.slice(0, length)
    const node: unknown = length === 0 ? source.document.contents : source.document.getIn(part, true)
    const found = isPair(node) ? node.value : node
    if (isNode(found) && found.range) return pushError(source, found.range[0], message)
  }
  pushError(source, 0, message)
}

function pushError(source: Source, offset: number, message: string): void {
  const { line, col } = source.lines.linePos(offset)
  const column = Math.max(1, col)
  const text = source.text.split('\n')[Math.max(1, line) - 1] ?? ''
  const excerpt = `${text}\n${' '.repeat(column - 1)}^`
  source.errors.push({ line: Math.max(1, line), column, message, excerpt })
}

function firstLine(message: string): string {
  return message.split('\n')[0] ?? message
}

/** Eight hex digits of everything that decides. Spaces, titles and stories do not decide. */
function versionOf(file: RuleFile): string {
  const { title: _title, stories: _stories, ...deciding } = file
  return createHash('sha256').update(canonical(deciding)).digest('hex').slice(0, 8)
}

function canonical(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.replace(/\s+/g, ' ').trim())
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const entries = Object.entries(value).filter(([, part]) => part !== undefined)
  return `{${entries
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, part]) => `${key}:${canonical(part)}`)
    .join()}}`
}
