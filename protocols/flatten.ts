/**
 * Nested JSON as names with dots: what a device says of many things at once becomes one value a name.
 */
export type Scalar = number | string | boolean | null

const deepest = 16

/**
 * `{a: {b: 1}, c: [2]}` becomes `{'a.b': 1, 'c.0': 2}`. Empty objects and arrays leave nothing; what lies deeper than
 * sixteen levels is left out.
 */
export function flatten(value: unknown): Record<string, Scalar> {
  const flat: Record<string, Scalar> = {}
  add(flat, '', value, 0)
  return flat
}

function add(flat: Record<string, Scalar>, path: string, value: unknown, depth: number): void {
  if (typeof value === 'object' && value !== null) {
    if (depth >= deepest) return
    for (const [key, inner] of Object.entries(value)) add(flat, path === '' ? key : `${path}.${key}`, inner, depth + 1)
    return
  }
  const isScalar =
    typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean' || value === null
  // As an own property also when a device calls it __proto__.
  if (isScalar) Object.defineProperty(flat, path, { value, enumerable: true, configurable: true, writable: true })
}
