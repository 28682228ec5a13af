/**
 * Topics of a mapping: levels as in MQTT, some of them named. `sites/{site}/+/{device}`, and a last `#` for whatever
 * follows.
 */
import type { Bindings } from './path.ts'

export interface TopicPattern {
  /** As an MQTT topic filter, for whoever subscribes. */
  readonly filter: string
  readonly names: readonly string[]
  readonly levels: readonly string[]
}

const named = /^\{([a-zA-Z]\w*)\}$/

/** Reads a pattern. Returns a sentence about what is wrong when it is none. */
export function parseTopicPattern(text: string): TopicPattern | string {
  const levels = text.split('/')
  const names = levels.flatMap(level => named.exec(level)?.[1] ?? [])
  if (text === '') return 'the topic is empty'
  if (new Set(names).size < names.length) return 'a name stands twice in the topic'
  for (const [index, level] of levels.entries()) {
    if (level === '#' && index < levels.length - 1) return '# is only allowed at the end'
    if (level !== '+' && level !== '#' && !named.test(level) && /[+#{}\0]/.test(level))
      return `${level} is neither a level, + nor {name}`
  }
  return { filter: levels.map(level => (named.test(level) ? '+' : level)).join('/'), names, levels }
}

/** What the names of a pattern stand for in a topic; undefined when the topic does not fit. */
export function matchTopic({ levels }: TopicPattern, topic: string): Bindings | undefined {
  const given = topic.split('/')
  const open = levels.at(-1) === '#'
  if (open ? given.length < levels.length - 1 : given.length !== levels.length) return undefined
  const bindings: Record<string, string> = {}
  for (const [index, level] of (open ? levels.slice(0, -1) : levels).entries()) {
    const here = given[index] ?? ''
    const name = named.exec(level)?.[1]
    if (name !== undefined) bindings[name] = here
    else if (level !== '+' && level !== here) return undefined
  }
  return bindings
}
