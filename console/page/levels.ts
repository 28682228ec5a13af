/**
 * The levels as they are drawn: order, letter, colour and shape. Colour is never the only sign.
 * The names are those of `contracts/level.ts`, which is not imported because it would bring its parser along.
 */
import type { Warning } from '@forewarn/contracts/warning'
import type { Word } from './dictionary.ts'

export type ShownLevel = Warning['level']

/** Worst first; unknown after the colours, because nobody can say how bad it is. */
export const shownLevels = ['red', 'orange', 'yellow', 'blue', 'unknown'] as const satisfies readonly ShownLevel[]

const letters = {
  red: 'letterRed',
  orange: 'letterOrange',
  yellow: 'letterYellow',
  blue: 'letterBlue',
} as const satisfies Record<Exclude<ShownLevel, 'unknown'>, Word>

/** The word whose text is the level's letter; unknown is a question mark in every language. */
export function letterWord(level: ShownLevel): Word | undefined {
  return level === 'unknown' ? undefined : letters[level]
}

export function rankOf(level: ShownLevel): number {
  return shownLevels.indexOf(level)
}

export const fills: Record<ShownLevel, string> = {
  red: '#c8102e',
  orange: '#f28a1e',
  yellow: '#ffd21f',
  blue: '#1f5fbf',
  unknown: '#d3d8dc',
}

export const inks: Record<ShownLevel, string> = {
  red: '#ffffff',
  orange: '#1b1200',
  yellow: '#241c00',
  blue: '#ffffff',
  unknown: '#1b2126',
}

/** Lines of limits: deep enough to be seen on white; the words beside them are dark. */
export const lineInks: Record<ShownLevel, string> = { ...fills, orange: '#d9730d', yellow: '#c79a00' }

/** Which colour a limit of a place stands for, by its name in the registry; undefined is drawn grey. */
export function levelOfLimit(name: string): Exclude<ShownLevel, 'unknown'> | undefined {
  const known: Record<string, Exclude<ShownLevel, 'unknown'>> = {
    danger: 'red',
    red: 'red',
    closed: 'orange',
    close: 'orange',
    orange: 'orange',
    flooded: 'yellow',
    standing: 'yellow',
    watch: 'yellow',
    warn: 'yellow',
    slow: 'yellow',
    yellow: 'yellow',
    notice: 'blue',
    blue: 'blue',
  }
  return known[name]
}
