/**
 * XML as messages use it: elements, texts, attributes passed over. No document types and no entities of one's own:
 * with those a few bytes can grow into a gigabyte, or read a file.
 */
export interface XmlElement {
  /** Without its prefix. */
  readonly name: string
  /** Its own text, with references resolved. */
  readonly text: string
  readonly children: readonly XmlElement[]
  /** The default namespace it declares, or the one its own prefix stands for; undefined when it declares none. */
  readonly namespace: string | undefined
}

/** The root element. Returns a sentence about what is wrong when the text is no XML document. */
export function parseXml(text: string): XmlElement | string {
  const cursor: Cursor = { text: text.replace(/^\uFEFF/, ''), at: 0 }
  try {
    skipOutside(cursor)
    const root = readElement(cursor, 0)
    skipOutside(cursor)
    return cursor.at < cursor.text.length ? `something follows the root element at ${cursor.at}` : root
  } catch (error) {
    if (error instanceof NotXml) return `${error.message} at ${cursor.at}`
    throw error
  }
}

/** Thrown from the depth of a document and caught in `parseXml`. */
class NotXml extends Error {}

interface Cursor {
  readonly text: string
  at: number
}

const deepest = 64

/** Blanks, comments and processing instructions, which may stand before and after the root. */
function skipOutside(cursor: Cursor): void {
  for (;;) {
    skipBlanks(cursor)
    if (cursor.text.startsWith('<?', cursor.at)) skipPast(cursor, '?>')
    else if (cursor.text.startsWith('<!--', cursor.at)) skipPast(cursor, '-->')
    else return
  }
}

function skipBlanks(cursor: Cursor): void {
  while (/\s/.test(cursor.text.charAt(cursor.at))) cursor.at++
}

function skipPast(cursor: Cursor, end: string): string {
  const from = cursor.at
  const found = cursor.text.indexOf(end, from)
  if (found < 0) throw new NotXml(`no ${end}`)
  cursor.at = found + end.length
  return cursor.text.slice(from, found)
}

const nameAt = /[\p{L}_][\p{L}\p{N}_.-]*(?::[\p{L}_][\p{L}\p{N}_.-]*)?/uy

function readName(cursor: Cursor): string {
  nameAt.lastIndex = cursor.at
  const name = nameAt.exec(cursor.text)?.[0]
  if (name === undefined) throw new NotXml('no name')
  cursor.at += name.length
  return name
}

function readElement(cursor: Cursor, depth: number): XmlElement {
  if (depth > deepest) throw new NotXml(`deeper than ${deepest} elements`)
  if (cursor.text[cursor.at] !== '<') throw new NotXml('no element')
  cursor.at++
  const fullName = readName(cursor)
  const [prefix, local] = fullName.includes(':') ? fullName.split(':') : ['', fullName]
  const declared = readAttributes(cursor)
  const namespace = declared.get(prefix === '' ? 'xmlns' : `xmlns:${prefix}`)
  const start = { name: local ?? fullName, namespace }
  if (cursor.text.startsWith('/>', cursor.at)) {
    cursor.at += 2
    return { ...start, text: '', children: [] }
  }
  cursor.at++
  const { text, children } = readContent(cursor, depth)
  cursor.at += 2
  if (readName(cursor) !== fullName) throw new NotXml(`${fullName} is not closed`)
  skipBlanks(cursor)
  if (cursor.text[cursor.at] !== '>') throw new NotXml(`the end of ${fullName} has no >`)
  cursor.at++
  return { ...start, text, children }
}

/** Reads up to the end of a start tag; returns what the attributes say. */
function readAttributes(cursor: Cursor): Map<string, string> {
  const attributes = new Map<string, string>()
  for (;;) {
    const before = cursor.at
    skipBlanks(cursor)
    const next = cursor.text[cursor.at]
    if (next === '>' || cursor.text.startsWith('/>', cursor.at)) return attributes
    if (cursor.at === before) throw new NotXml('no blank before an attribute')
    const name = readName(cursor)
    skipBlanks(cursor)
    if (cursor.text[cursor.at] !== '=') throw new NotXml(`attribute ${name} has no value`)
    cursor.at++
    skipBlanks(cursor)
    const quote = cursor.text[cursor.at]
    if (quote !== '"' && quote !== "'") throw new NotXml(`attribute ${name} is not quoted`)
    cursor.at++
    if (attributes.has(name)) throw new NotXml(`attribute ${name} twice`)
    attributes.set(name, resolved(skipPast(cursor, quote)))
  }
}

/** Reads up to the end tag of the element it stands in. */
function readContent(cursor: Cursor, depth: number): Pick<XmlElement, 'text' | 'children'> {
  const children: XmlElement[] = []
  let text = ''
  for (;;) {
    const tag = cursor.text.indexOf('<', cursor.at)
    if (tag < 0) throw new NotXml('an element without its end')
    text += resolved(cursor.text.slice(cursor.at, tag))
    cursor.at = tag
    if (cursor.text.startsWith('</', tag)) return { text, children }
    if (cursor.text.startsWith('<!--', tag)) skipPast(cursor, '-->')
    else if (cursor.text.startsWith('<?', tag)) skipPast(cursor, '?>')
    else if (cursor.text.startsWith('<![CDATA[', tag)) text += skipPast(cursor, ']]>').slice('<![CDATA['.length)
    else children.push(readElement(cursor, depth + 1))
  }
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

function resolved(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(/&([^;&]{0,12};?)/g, (_, reference: string) => {
    const name = reference.slice(0, -1)
    const known = entities[name]
    if (reference.endsWith(';') && known !== undefined) return known
    const [, hex, decimal] = /^#(?:x([0-9a-fA-F]{1,6})|([0-9]{1,7}));$/.exec(reference) ?? []
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16)
    if (!(code > 0 && code <= 0x10ffff)) throw new NotXml(`reference &${reference} is not known`)
    return String.fromCodePoint(code)
  })
}

/** The child of that name, when there is one. */
export function childOf(element: XmlElement, name: string): XmlElement | undefined {
  return element.children.find(child => child.name === name)
}

/** All children of that name. */
export function childrenOf(element: XmlElement, name: string): XmlElement[] {
  return element.children.filter(child => child.name === name)
}
