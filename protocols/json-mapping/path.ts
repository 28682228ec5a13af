/**
 * The small path language of a mapping: names with dots, `[0]` for a place in an array, `"a.b"` for a name with dots
 * in it, and `{device}` for every name there, which is remembered. `$` is the whole payload.
 */
export type Step =
  | { readonly kind: 'name'; readonly name: string }
  /** Every member there; its name (or its place in an array) is remembered under `as`. */
  | { readonly kind: 'every'; readonly as: string }

export type Path = readonly Step[]

/** What `{…}` stood for. */
export type Bindings = Readonly<Record<string, string>>

export interface Match {
  readonly value: unknown
  readonly bindings: Bindings
}

const stepAt = /"((?:[^"\\]|\\.)*)"|\{([a-zA-Z]\w*)\}|\[(\d{1,6})\]|([^.[\]{}"\s$][^.[\]{}"]*)/y

/** Reads a path. Returns a sentence about what is wrong when it is none. */
export function parsePath(text: string): Path | string {
  if (text === '$') return []
  const steps: Step[] = []
  let at = text.startsWith('$.') ? 2 : 0
  while (at < text.length) {
    // A dot stands between steps; before [0] it may be left out.
    if (steps.length > 0 && text[at] === '.') at++
    else if (steps.length > 0 && text[at] !== '[') return `a dot is missing before ${text.slice(at, at + 20)}`
    stepAt.lastIndex = at
    const found = stepAt.exec(text)
    if (found === null) return `${text.slice(at, at + 20) || 'nothing'} is no step of a path`
    steps.push(stepOf(found))
    at = stepAt.lastIndex
  }
  return steps.length === 0 ? 'the path is empty; $ is the whole payload' : steps
}

function stepOf([, quoted, every, place, name]: RegExpExecArray): Step {
  if (every !== undefined) return { kind: 'every', as: every }
  if (quoted !== undefined) return { kind: 'name', name: quoted.replace(/\\(.)/g, '$1') }
  return { kind: 'name', name: place ?? name ?? '' }
}

/** No more matches than this come from one path: a payload cannot make more work than it is worth. */
const matchesAtMost = 10_000

/** Everything the path leads to. A `{name}` that is bound already stands for that one name. */
export function follow(root: unknown, path: Path, bindings: Bindings = {}): Match[] {
  let matches: Match[] = [{ value: root, bindings }]
  for (const step of path) {
    matches = matches.flatMap(match => (step.kind === 'name' ? memberOf(match, step.name) : membersOf(match, step.as)))
    if (matches.length > matchesAtMost) matches = matches.slice(0, matchesAtMost)
  }
  return matches
}

function memberOf({ value, bindings }: Match, name: string): Match[] {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return []
  const member: unknown = Object.getOwnPropertyDescriptor(value, name)?.value
  return [{ value: member, bindings }]
}

function membersOf(match: Match, as: string): Match[] {
  const bound = Object.hasOwn(match.bindings, as) ? match.bindings[as] : undefined
  if (bound !== undefined) return memberOf(match, bound)
  const { value, bindings } = match
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).map(([key, member]: [string, unknown]) => ({
    value: member,
    bindings: { ...bindings, [as]: key },
  }))
}

/** A text with `{name}`s in it. */
export interface Template {
  readonly text: string
  readonly names: readonly string[]
}

/** Reads a template. */
export function parseTemplate(text: string): Template {
  return { text, names: [...text.matchAll(/\{([a-zA-Z]\w*)\}/g)].map(([, name]) => name ?? '') }
}

/** The text with what its names stand for; undefined when one of them stands for nothing. */
export function fill({ text, names }: Template, bindings: Bindings): string | undefined {
  if (names.some(name => !Object.hasOwn(bindings, name))) return undefined
  return text.replace(/\{([a-zA-Z]\w*)\}/g, (_, name: string) => bindings[name] ?? '')
}
