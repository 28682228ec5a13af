/**
 * The mapping of plain JSON to readings, as an engineer writes it in YAML: which topics, which values in them, of
 * which sensors, when, and in which unit. What is wrong is told with its line and its field.
 */
import { type Document, isNode, LineCounter, parseDocument } from 'yaml'
import { z } from 'zod'
import { type Path, parsePath, parseTemplate } from './path.ts'
import { isZone, timeFormats } from './times.ts'
import { parseTopicPattern, type TopicPattern } from './topic-pattern.ts'

/** A text that another reader turns into what it means; its sentence becomes the finding. */
function read<T>(reader: (text: string) => T | string) {
  return z.string().transform((text, context): T => {
    const meant = reader(text)
    if (typeof meant !== 'string') return meant
    context.addIssue({ code: 'custom', message: meant })
    return z.NEVER
  })
}

const PathText = read((text): Path | string => parsePath(text))
const TemplateText = z.string().min(1).transform(parseTemplate)

const Time = z.strictObject({
  path: PathText,
  format: z.enum(timeFormats).default('iso'),
  /** Of a time that says none. */
  zone: z.string().refine(isZone, 'no such time zone').default('Asia/Shanghai'),
})

const Scalar = z.union([z.string(), z.number(), z.boolean(), z.null()])

const Value = z.strictObject({
  path: PathText,
  /** Id of the sensor; `{…}` stands for what topic, path or `let` said. */
  sensor: TemplateText,
  /** More names from the payload, each by its path. */
  let: z.record(z.string().regex(/^[a-zA-Z]\w*$/, 'a name begins with a letter'), PathText).default({}),
  time: Time.optional(),
  /** UCUM, after scale and offset. */
  unit: z.string().min(1).optional(),
  /** value = sent × scale + offset */
  scale: z.number().default(1),
  offset: z.number().default(0),
  /** Numbers for texts and truth values. Without it true is 1 and false 0. */
  codes: z.record(z.string(), z.number()).optional(),
  /** What the device sends when it has no value: never a reading of that number. */
  missing: z.array(Scalar).default([]),
})

const Mapping = z.strictObject({
  name: z.string().min(1),
  topic: read((text): TopicPattern | string => parseTopicPattern(text)),
  time: Time.optional(),
  values: z.array(Value).min(1),
})
export type Mapping = z.output<typeof Mapping>
export type ValueMapping = z.output<typeof Value>
export type TimeMapping = z.output<typeof Time>

const MappingFile = z.strictObject({ mappings: z.array(Mapping).min(1) })

/** What is wrong in a mapping file. */
export interface MappingFault {
  /** From 1. */
  readonly line: number
  /** As `mappings[0].values[1].path`. */
  readonly field: string
  readonly message: string
}

/** Reads a mapping file. Returns its mappings, or all that is wrong with it. */
export function parseMappings(yaml: string): Mapping[] | { readonly faults: readonly MappingFault[] } {
  const lines = new LineCounter()
  const document = parseDocument(yaml, { lineCounter: lines, prettyErrors: false })
  if (document.errors.length > 0)
    return {
      faults: document.errors.map(({ pos, message }) => ({ line: lines.linePos(pos[0]).line, field: '', message })),
    }
  const plain = plainValue(document)
  if (typeof plain === 'string') return { faults: [{ line: 1, field: '', message: plain }] }
  const parsed = MappingFile.safeParse(plain.value)
  if (!parsed.success) return { faults: parsed.error.issues.map(issue => faultOf(issue, document, lines)) }
  const faults = parsed.data.mappings.flatMap((mapping, index) => unbound(mapping, index, document, lines))
  return faults.length > 0 ? { faults } : parsed.data.mappings
}

/** YAML can be sound and still have no value: an alias to nothing, or one that grows without end. */
function plainValue(document: Document): { readonly value: unknown } | string {
  try {
    return { value: document.toJS({ maxAliasCount: 100 }) }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function faultOf(issue: z.core.$ZodIssue, document: Document, lines: LineCounter): MappingFault {
  const { path, message } = issue
  // A key that nobody knows is meant, not the map it stands in.
  const key = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : []
  const place = [...path.filter(step => typeof step !== 'symbol'), ...key]
  return { line: lineOf(place, document, lines), field: fieldText(place), message }
}

/** The line of a field; of what it should be in when it is not there. */
function lineOf(path: readonly (string | number)[], document: Document, lines: LineCounter): number {
  for (let depth = path.length; depth >= 0; depth--) {
    const node = depth === 0 ? document.contents : document.getIn(path.slice(0, depth), true)
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line
  }
  return 1
}

function fieldText(path: readonly (string | number)[]): string {
  return path
    .map(step => (typeof step === 'number' ? `[${step}]` : `.${step}`))
    .join('')
    .replace(/^\./, '')
}

/** Names in a sensor's template that nothing gives a meaning. */
function unbound(mapping: Mapping, index: number, document: Document, lines: LineCounter): MappingFault[] {
  return mapping.values.flatMap(({ path, sensor, let: lets }, place) => {
    const known = new Set([...mapping.topic.names, ...namesIn(path), ...Object.keys(lets)])
    const field = ['mappings', index, 'values', place, 'sensor']
    return sensor.names
      .filter(name => !known.has(name))
      .map(name => ({
        line: lineOf(field, document, lines),
        field: fieldText(field),
        message: `{${name}} is in neither topic, path nor let`,
      }))
  })
}

function namesIn(path: Path): string[] {
  return path.flatMap(step => (step.kind === 'every' ? [step.as] : []))
}
