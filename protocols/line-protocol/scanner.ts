/**
 * Reads the pieces of a line: names, keys and values with their escapes. What a backslash means depends on where it
 * stands: before a character that must be escaped there it vanishes, before any other it is a backslash.
 */
export interface Scanner {
  readonly text: string
  at: number
}

/** Where one kind of piece ends, and what may be escaped in it. */
export interface PieceKind {
  /** Characters that end it. */
  readonly ends: string
  /** Characters that a backslash takes their meaning from. */
  readonly escapes: string
}

export const measurementKind: PieceKind = { ends: ', ', escapes: ', ' }
export const keyKind: PieceKind = { ends: ',= ', escapes: ',= ' }

/** Control characters may stand in no name and no tag; line breaks among them end a line. */
export function isControl(character: string): boolean {
  const code = character.charCodeAt(0)
  return code < 0x20 || code === 0x7f
}

/** The piece that begins here, without its escapes; stops before what ends it. */
export function takePiece(scanner: Scanner, { ends, escapes }: PieceKind): string {
  const { text } = scanner
  let piece = ''
  let from = scanner.at
  let at = from
  while (at < text.length) {
    const character = text.charAt(at)
    if (character === '\\' && at + 1 < text.length && escapes.includes(text.charAt(at + 1))) {
      piece += text.slice(from, at) + text.charAt(at + 1)
      at += 2
      from = at
      continue
    }
    if (ends.includes(character) || isControl(character)) break
    at++
  }
  scanner.at = at
  return piece + text.slice(from, at)
}

const stringEscapes: Readonly<Record<string, string>> = { '\\': '\\', '"': '"', n: '\n', r: '\r', t: '\t' }

/** The text between quotes; undefined when it has no end. The scanner stands behind the closing quote. */
export function takeQuoted(scanner: Scanner): string | undefined {
  const { text } = scanner
  let value = ''
  let from = scanner.at + 1
  let at = from
  while (at < text.length) {
    const character = text.charAt(at)
    const escaped = character === '\\' ? stringEscapes[text.charAt(at + 1)] : undefined
    if (escaped !== undefined) {
      value += text.slice(from, at) + escaped
      at += 2
      from = at
      continue
    }
    if (character === '"') {
      scanner.at = at + 1
      return value + text.slice(from, at)
    }
    at++
  }
  return undefined
}

/** Steps over spaces. */
export function skipSpaces(scanner: Scanner): void {
  while (scanner.text[scanner.at] === ' ') scanner.at++
}

/** Whether the line ends here; steps over its end. A carriage return alone ends a line only at the end of all. */
export function takeLineEnd(scanner: Scanner): boolean {
  const { text, at } = scanner
  if (at >= text.length) return true
  if (text[at] === '\n') scanner.at = at + 1
  else if (text[at] === '\r' && (text[at + 1] === '\n' || at + 1 === text.length))
    scanner.at = Math.min(at + 2, text.length)
  else return false
  return true
}
