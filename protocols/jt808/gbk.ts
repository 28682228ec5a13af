/**
 * Text as JT/T 808 writes it: GBK. Node decodes it; the way back is the same table turned round.
 */
const decoder = new TextDecoder('gb18030')

/** Text of a field; the zeros and blanks that fill it up are left out. */
export function readGbk(bytes: Uint8Array): string {
  return decoder.decode(bytes).replace(/[\0 ]+$/, '')
}

let pairs: ReadonlyMap<string, number> | undefined

/** Bytes of a text. What GBK has no character for (an emoji) becomes a question mark: a driver must not get nothing. */
export function writeGbk(text: string): Uint8Array {
  pairs ??= twoByteTable()
  const bytes: number[] = []
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0
    const pair = pairs.get(char)
    if (code < 0x80) bytes.push(code)
    else if (pair === undefined) bytes.push(0x3f)
    else bytes.push(pair >> 8, pair & 0xff)
  }
  return Uint8Array.from(bytes)
}

/** GBK's two-byte plane: lead 81–FE, trail 40–FE without 7F. */
function twoByteTable(): Map<string, number> {
  const table = new Map<string, number>()
  for (let lead = 0x81; lead <= 0xfe; lead++) {
    for (let trail = 0x40; trail <= 0xfe; trail++) {
      const char = trail === 0x7f ? '' : decoder.decode(Uint8Array.of(lead, trail))
      if (char.length === 1 && char !== '\ufffd' && !table.has(char)) table.set(char, (lead << 8) | trail)
    }
  }
  return table
}
