/**
 * Retained messages: the last one of each topic, within a bound of number and bytes. The index follows topic levels,
 * so that a subscription finds its own without looking at all the others (Aedes tries every topic for each filter:
 * 100 filters over 50,000 topics held the broker up for a second).
 */

export interface RetainedMessage {
  readonly topic: string
  readonly payload: Buffer
  readonly qos: 0 | 1 | 2
}

export interface RetainedLimits {
  readonly maxCount: number
  readonly maxBytes: number
}

export interface RetainedMessages {
  /** Keeps it in place of the last; an empty payload forgets it (3.3.1-10). False when there is no room. */
  store(message: RetainedMessage): boolean
  /** All that this filter matches. */
  matching(filter: string): Generator<RetainedMessage>
  figures(): { readonly count: number; readonly bytes: number }
}

interface Node {
  readonly children: Map<string, Node>
  message: RetainedMessage | undefined
}

/** None yet, and never more than the limits say. */
export function retainedMessages({ maxCount, maxBytes }: RetainedLimits): RetainedMessages {
  const root: Node = { children: new Map(), message: undefined }
  let count = 0
  let bytes = 0
  const forget = (message: RetainedMessage) => {
    count--
    bytes -= sizeOf(message)
  }
  return {
    store(message) {
      const levels = message.topic.split('/')
      const before = nodeAt(root, levels)?.message
      if (message.payload.length === 0) {
        if (before !== undefined) forget(before)
        prune(root, levels)
        return true
      }
      const bytesAfter = bytes + sizeOf(message) - (before === undefined ? 0 : sizeOf(before))
      if (bytesAfter > maxBytes || (before === undefined && count >= maxCount)) return false
      bytes = bytesAfter
      if (before === undefined) count++
      madeNodeAt(root, levels).message = message
      return true
    },
    matching: filter => walk(root, filter.split('/'), { first: true }),
    figures: () => ({ count, bytes }),
  }
}

/** What a message costs in memory, roughly: its text, and what surrounds it. */
function sizeOf({ topic, payload }: RetainedMessage): number {
  return payload.length + 2 * topic.length + 200
}

function nodeAt(root: Node, levels: readonly string[]): Node | undefined {
  let node: Node | undefined = root
  for (const level of levels) node = node?.children.get(level)
  return node
}

function madeNodeAt(root: Node, levels: readonly string[]): Node {
  let node = root
  for (const level of levels) {
    const child: Node = node.children.get(level) ?? { children: new Map(), message: undefined }
    node.children.set(level, child)
    node = child
  }
  return node
}

/** Takes the message out, and the branches that led nowhere else. Returns whether the node is empty now. */
function prune(node: Node, [level, ...rest]: readonly string[]): boolean {
  if (level === undefined) node.message = undefined
  else {
    const child = node.children.get(level)
    if (child !== undefined && prune(child, rest)) node.children.delete(level)
  }
  return node.message === undefined && node.children.size === 0
}

function* walk(
  node: Node,
  [level, ...rest]: readonly string[],
  { first }: { first: boolean },
): Generator<RetainedMessage> {
  if (level === undefined) {
    if (node.message !== undefined) yield node.message
    return
  }
  if (level === '#') return yield* below(node, { first })
  if (level !== '+') {
    const child = node.children.get(level)
    if (child !== undefined) yield* walk(child, rest, { first: false })
    return
  }
  for (const [name, child] of node.children) {
    if (!(first && name.startsWith('$'))) yield* walk(child, rest, { first: false })
  }
}

function* below(node: Node, { first }: { first: boolean }): Generator<RetainedMessage> {
  if (node.message !== undefined) yield node.message
  for (const [name, child] of node.children) {
    if (!(first && name.startsWith('$'))) yield* below(child, { first: false })
  }
}
