/**
 * What the program says and how: plain lines for people, JSON for programs, a bar for long work on a terminal.
 */
export function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** Trouble goes to standard error, so that `--json` output stays clean. */
export function complain(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** Says a value as JSON, indented by two. */
export function sayJson(value: unknown): void {
  say(JSON.stringify(value, null, 2))
}

/** Columns side by side, each as wide as its widest cell; the last one is not padded. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = []
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, widthOf(cell))))
  return rows.map(row =>
    row
      .map((cell, i) => (i === row.length - 1 ? cell : cell + ' '.repeat((widths[i] ?? 0) - widthOf(cell))))
      .join('  ')
      .trimEnd(),
  )
}

/** Columns a text takes on a terminal: CJK characters take two (Unicode UAX #11). */
export function widthOf(text: string): number {
  let width = 0
  for (const character of text)
    width += /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u.test(
      character,
    )
      ? 2
      : 1
  return width
}

export interface ProgressBar {
  /** Draws it at `share` (0 to 1) with a few words. */
  at(share: number, words: string): void
  /** Takes it away, so that a line can be said. */
  clear(): void
}

/** A bar on standard error when that is a terminal; says nothing otherwise. */
export function progressBar(): ProgressBar {
  if (!process.stderr.isTTY) return { at: () => {}, clear: () => {} }
  const clear = () => void process.stderr.write('\r\u001b[2K')
  return {
    at(share, words) {
      const filled = Math.round(Math.min(1, Math.max(0, share)) * 24)
      process.stderr.write(`\r\u001b[2K${'█'.repeat(filled)}${'░'.repeat(24 - filled)} ${words}`)
    },
    clear,
  }
}
