/**
 * Waiting for something to become true in a running house: looks again every 20 ms, and says what it waited for.
 */
export async function waitFor<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  { withinMs = 120_000 }: { withinMs?: number } = {},
): Promise<T> {
  const endMs = performance.now() + withinMs
  for (;;) {
    const seen = await look()
    if (seen !== undefined) return seen
    if (performance.now() > endMs) throw new Error(`${what}: not seen within ${withinMs} ms`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}
