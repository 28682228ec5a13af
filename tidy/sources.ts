/**
 * The files of the checkout, read and parsed once for all laws.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Comment, type EcmaScriptModule, type Program, parseSync } from 'oxc-parser'

export const root = join(import.meta.dirname, '..')

/** One thing that breaks a law: where, and what to do. */
export interface Finding {
  readonly path: string
  readonly line: number
  readonly mend: string
}

export interface Source {
  /** From the root, with slashes. */
  readonly path: string
  readonly room: string
  readonly text: string
  readonly program: Program
  readonly comments: readonly Comment[]
  readonly module: EcmaScriptModule
  readonly isTest: boolean
}

const skipped: ReadonlySet<string> = new Set(['node_modules', '.git', 'data', 'dist', 'coverage'])

/** Every file of the checkout that is ours, as paths from the root. */
export function listFiles(folder = ''): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap(entry => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (entry.isDirectory()) return skipped.has(entry.name) ? [] : listFiles(path)
    return entry.isFile() ? [path] : []
  })
}

export function readText(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

/** Parses all TypeScript and JavaScript among these files. Throws, naming the file, for one that does not parse. */
export function parseAll(paths: readonly string[]): Source[] {
  return paths.filter(path => /\.(ts|tsx|mjs)$/.test(path)).map(parse)
}

function parse(path: string): Source {
  const text = readText(path)
  const { program, comments, module, errors } = parseSync(path, text)
  if (errors[0] !== undefined) throw new Error(`${path}: ${errors[0].message}`)
  const room = path.includes('/') ? path.slice(0, path.indexOf('/')) : ''
  return { path, room, text, program, comments, module, isTest: /\.test\.tsx?$/.test(path) }
}

/** Line number of an offset, from 1. */
export function lineAt(text: string, offset: number): number {
  let line = 1
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) line += 1
  return line
}

export function found(source: Pick<Source, 'path' | 'text'>, offset: number, mend: string): Finding {
  return { path: source.path, line: lineAt(source.text, offset), mend }
}
