/**
 * The shell of an NMEA 0183 sentence: `$`, talker and type, fields, `*` and the XOR of all between. Encapsulated
 * sentences begin with `!`.
 */

export interface Sentence {
  /** `GP`, `II`, …; empty for a maker's own sentence (`$P…`). */
  readonly talker: string
  /** Three letters; of a maker's own sentence the whole name. */
  readonly type: string
  /** As sent; an empty field says that nothing is known. */
  readonly fields: readonly string[]
}

export interface SentenceFault {
  readonly fault: 'reject' | 'incomplete'
  readonly error: string
}

const form = /^[$!]([A-Z][A-Z0-9]{2,9})((?:,[^,*$!\r\n]*)*)\*([0-9A-Fa-f]{2})$/

/** Reads one line, with or without its CR LF. A sentence without a checksum is refused: nothing tells it from noise. */
export function readSentence(line: string): Sentence | SentenceFault {
  const text = line.replace(/\r?\n?$/, '')
  if (text === '') return { fault: 'incomplete', error: 'an empty line' }
  const [, name = '', fields = '', sum = ''] = form.exec(text) ?? []
  if (name === '') return { fault: 'reject', error: 'no NMEA sentence with a checksum' }
  const computed = checksum(`${name}${fields}`)
  if (sum.toUpperCase() !== computed) return { fault: 'reject', error: `the checksum is ${sum}, computed ${computed}` }
  const own = name.startsWith('P') || name.length !== 5
  return { talker: own ? '' : name.slice(0, 2), type: own ? name : name.slice(2), fields: fields.split(',').slice(1) }
}

/** XOR of all characters, two hex digits. */
export function checksum(text: string): string {
  const sum = Buffer.from(text, 'latin1').reduce((xor, byte) => xor ^ byte, 0)
  return sum.toString(16).toUpperCase().padStart(2, '0')
}
