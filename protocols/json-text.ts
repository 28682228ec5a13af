/**
 * JSON from what a frame carries.
 */

const decoder = new TextDecoder('utf-8', { fatal: true })

/** The JSON value of a text or of UTF-8 bytes; undefined when it is none. */
export function jsonOf(carried: string | Uint8Array | undefined): unknown {
  return parsed(carried, text => JSON.parse(text))
}

/** As `jsonOf`; whole numbers beyond 2^53 come as decimal texts, for as numbers they would be rounded. */
export function exactJsonOf(carried: string | Uint8Array | undefined): unknown {
  return parsed(carried, text => (/\d{16}/.test(text) ? JSON.parse(text, exactly) : JSON.parse(text)))
}

function parsed(carried: string | Uint8Array | undefined, parse: (text: string) => unknown): unknown {
  try {
    const text = carried instanceof Uint8Array ? decoder.decode(carried) : carried
    return text === undefined ? undefined : parse(text)
  } catch {
    return undefined // no JSON, or no UTF-8: the caller says so in the words of its format
  }
}

/** A reviver that keeps the digits of whole numbers which a double cannot hold. */
function exactly(this: unknown, _key: string, value: unknown, context?: { readonly source?: string }): unknown {
  const rounded = typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)
  const source = context?.source
  return rounded && source !== undefined && /^-?\d+$/.test(source) ? source : value
}
