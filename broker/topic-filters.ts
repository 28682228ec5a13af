/**
 * Topic names and filters (MQTT 3.1.1 §4.7): which are well formed, which filter matches which name, and a tree that
 * finds all filters for a name without trying each. Pure.
 */

/** A filter may end in `#`, and `+` and `#` fill a level of their own (4.7.1-2, 4.7.1-3). Not checked: its characters. */
export function isFilter(filter: string): boolean {
  if (filter.length === 0) return false
  const levels = filter.split('/')
  return levels.every(
    (level, at) =>
      (!level.includes('+') || level === '+') && (!level.includes('#') || (level === '#' && at === levels.length - 1)),
  )
}

/** A name has no wildcards (4.7.1-1) and at least one character (4.7.3-1). Not checked: its characters. */
export function isTopicName(topic: string): boolean {
  return topic.length > 0 && !topic.includes('+') && !topic.includes('#')
}

/** Whether a filter takes in this name. A wildcard in front does not match `$…` (4.7.2-1). */
export function filterMatches(filter: string, topic: string): boolean {
  const wanted = filter.split('/')
  const levels = topic.split('/')
  if (topic.startsWith('$') && startsWild(filter)) return false
  for (const [at, level] of wanted.entries()) {
    if (level === '#') return true
    if (at >= levels.length || (level !== '+' && level !== levels[at])) return false
  }
  return wanted.length === levels.length
}

function startsWild(filter: string): boolean {
  return filter.startsWith('+') || filter.startsWith('#')
}

/**
 * Whether everything that `filter` matches is also matched by `pattern`: a client that may read `a/#` may subscribe
 * to `a/+/b`.
 */
export function patternCovers(pattern: string, filter: string): boolean {
  const allowed = pattern.split('/')
  const asked = filter.split('/')
  if (filter.startsWith('$') && startsWild(pattern)) return false
  for (const [at, level] of allowed.entries()) {
    // `a/#` matches `a` too (4.7.1.2).
    if (level === '#') return true
    const other = asked[at]
    if (other === undefined || other === '#' || (level !== '+' && level !== other)) return false
  }
  return allowed.length === asked.length
}

/** Levels of a topic or filter. */
export function levelCount(topic: string): number {
  let levels = 1
  for (let at = topic.indexOf('/'); at >= 0; at = topic.indexOf('/', at + 1)) levels++
  return levels
}

interface Node<Value> {
  readonly children: Map<string, Node<Value>>
  /** By the key they were added under. */
  values: Map<string, Value> | undefined
}

/** Values under filters, found by the names the filters match. */
export interface FilterTree<Value> {
  /** Replaces what is there under the same filter and key. */
  set(filter: string, key: string, value: Value): void
  delete(filter: string, key: string): void
  /** All values whose filter matches this name. */
  match(topic: string): Value[]
}

/** An empty tree: values by filter and key, found by topic. */
export function filterTree<Value>(): FilterTree<Value> {
  const root = emptyNode<Value>()
  return {
    set(filter, key, value) {
      let node = root
      for (const level of filter.split('/')) node = childOf(node, level)
      node.values ??= new Map()
      node.values.set(key, value)
    },
    delete(filter, key) {
      prune(root, filter.split('/'), key)
    },
    match(topic) {
      const found: Value[] = []
      const levels = topic.split('/')
      collect(root, levels, 0, found, { noWildcards: topic.startsWith('$') })
      return found
    },
  }
}

function emptyNode<Value>(): Node<Value> {
  return { children: new Map(), values: undefined }
}

function childOf<Value>(node: Node<Value>, level: string): Node<Value> {
  const known = node.children.get(level)
  if (known !== undefined) return known
  const made = emptyNode<Value>()
  node.children.set(level, made)
  return made
}

/** Takes the value out, and the branches that held nothing else. Returns whether the node is empty now. */
function prune<Value>(node: Node<Value>, [level, ...rest]: readonly string[], key: string): boolean {
  if (level === undefined) {
    node.values?.delete(key)
    if (node.values?.size === 0) node.values = undefined
  } else {
    const child = node.children.get(level)
    if (child !== undefined && prune(child, rest, key)) node.children.delete(level)
  }
  return node.values === undefined && node.children.size === 0
}

function collect<Value>(
  node: Node<Value>,
  levels: readonly string[],
  at: number,
  found: Value[],
  { noWildcards }: { noWildcards: boolean },
): void {
  if (!noWildcards) take(node.children.get('#'), found)
  const level = levels[at]
  if (level === undefined) return take(node, found)
  const exact = node.children.get(level)
  if (exact !== undefined) collect(exact, levels, at + 1, found, { noWildcards: false })
  const any = noWildcards ? undefined : node.children.get('+')
  if (any !== undefined) collect(any, levels, at + 1, found, { noWildcards: false })
}

function take<Value>(node: Node<Value> | undefined, found: Value[]): void {
  if (node?.values !== undefined) found.push(...node.values.values())
}
