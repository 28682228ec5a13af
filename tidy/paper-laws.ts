/**
 * Laws about what is written down: documents name only what exists, and nothing names the machine it was written on.
 */
import { existsSync } from 'node:fs'
import { basename, join, posix } from 'node:path'
import { listSettings } from '@forewarn/runtime/settings'
import { z } from 'zod'
import { type Finding, lineAt, readText, root } from './sources.ts'
import { mayImport } from './the-house.ts'

/** A file as text, whatever its language. */
export interface Paper {
  readonly path: string
  readonly text: string
}

const textual = /\.(ts|tsx|mjs|css|html|json|ya?ml|md|toml|service|env|sh|conf|sql)$|(^|\/)(Dockerfile|forewarn|run)$/

/** Everything among these files that a person may have written. Shipped data and locks are not. */
export function readPapers(paths: readonly string[]): Paper[] {
  const written = paths.filter(
    path => textual.test(path) && !/package-lock\.json$|\/(geo|storms|models|fixtures)\//.test(path),
  )
  return written.map(path => ({ path, text: readText(path) }))
}

function matches({ path, text }: Paper, pattern: RegExp, mend: (match: string) => string): Finding[] {
  return [...text.matchAll(pattern)].map(match => ({
    path,
    line: lineAt(text, match.index),
    mend: mend(match[1] ?? match[0]),
  }))
}

export function namesNoMachine(paper: Paper): Finding[] {
  return matches(paper, /(?<![\w.])\/(?:work|root|home|Users)\/[\w.-]+/g, path => `${path} is a path of one machine`)
}

export function namesNoRegistry(paper: Paper): Finding[] {
  return matches(
    paper,
    /\bregistry\.[a-z0-9-]+\.[a-z]{2,}/g,
    host => `${host}: where packages come from is the reader's choice`,
  )
}

export function leavesNothingUndone(paper: Paper): Finding[] {
  return matches(paper, /\b(TO[D]O|FIX[M]E)\b/g, word => `${word}: do it, or write it down as an issue`)
}

const codeSpan = /`([^`\n]+)`|^(?: {4}|\t)(.+)$|^```[a-z]*\n([\s\S]*?)^```/gm
const folders = new Set([...Object.keys(mayImport), 'docs', '.ci', '.github'])

/** Files, scripts, commands and variables that a document names must exist. */
export function namesWhatExists(paper: Paper): Finding[] {
  return [...codeIn(paper), ...linksIn(paper)].flatMap(({ text, line }) =>
    troubleIn(text, paper.path).map(mend => ({ path: paper.path, line, mend })),
  )
}

function codeIn({ text }: Paper) {
  return [...text.matchAll(codeSpan)].map(match => ({
    text: match[1] ?? match[2] ?? match[3] ?? '',
    line: lineAt(text, match.index),
  }))
}

function linksIn({ path, text }: Paper) {
  const links = [...text.matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)/g)]
  return links.map(match => ({
    text: posix.normalize(posix.join(posix.dirname(path), match[1] ?? '')),
    line: lineAt(text, match.index),
  }))
}

const Scripts = z.object({ scripts: z.record(z.string(), z.string()) })
const scripts = new Set(Object.keys(Scripts.parse(JSON.parse(readText('package.json'))).scripts))
const variables: ReadonlySet<string> = new Set(
  listSettings({ flags: {}, variables: {} }).map(({ variable }) => variable),
)

function troubleIn(code: string, document: string): string[] {
  const paths = [...code.matchAll(/(?<![\w/.@:-])(?:\.\/)?((?:\.?[\w-]+\/)+[\w.*-]*|[A-Z]+\.md)/g)]
    .map(match => match[1] ?? '')
    .filter(path => !exists(path, document))
    .map(path => `${path} does not exist`)
  const wrongScripts = [...code.matchAll(/\bnpm run ([\w:-]+)/g)]
    .map(match => match[1] ?? '')
    .filter(script => !scripts.has(script))
    .map(script => `npm run ${script} is no script of package.json`)
  const wrongCommands = [...code.matchAll(/(?:^|\s|\.\/)forewarn ([a-z][a-z-]*)/g)]
    .map(match => match[1] ?? '')
    .filter(command => command !== 'help' && !existsSync(join(root, 'cli', 'commands', `${command}.ts`)))
    .map(command => `forewarn ${command} is no command`)
  const wrongVariables = [...code.matchAll(/\bFOREWARN_[A-Z_]+\b(?!…)/g)]
    .map(match => match[0])
    .filter(variable => !variables.has(variable) && !variable.endsWith('_'))
    .map(variable => `${variable} is no setting`)
  return [...paths, ...wrongScripts, ...wrongCommands, ...wrongVariables]
}

/** Only paths that begin with a folder of ours are looked up: others speak of the reader's machine. */
function exists(path: string, document: string): boolean {
  const top = path.split('/')[0] ?? ''
  if (path.includes('*') || path.startsWith('console/dist')) return true
  if (!folders.has(top))
    return (
      !/^[A-Z]+\.md$/.test(path) ||
      existsSync(join(root, path)) ||
      existsSync(join(root, posix.dirname(document), path))
    )
  return [path, `${path}.ts`].some(name => existsSync(join(root, name)))
}

const Lock = z.object({
  packages: z.record(
    z.string(),
    z.object({
      resolved: z.string().optional(),
      optional: z.boolean().optional(),
      optionalDependencies: z.record(z.string(), z.string()).optional(),
    }),
  ),
})

/** The lock names no address of packages, and knows the builds for every platform, not only the one it was made on. */
export function locksForEveryone(path: string): Finding[] {
  const text = readText(path)
  const { packages } = Lock.parse(JSON.parse(text))
  const at = (words: string) => lineAt(text, text.indexOf(words))
  return Object.entries(packages).flatMap(([name, { resolved, optional, optionalDependencies }]) => {
    const address = /^https?:/.test(resolved ?? '')
      ? [{ path, line: at(resolved ?? ''), mend: 'an address: make the lock with npm run lock' }]
      : []
    // What is optional itself has a way to do without its builds.
    const wanted = optional ? [] : Object.keys(optionalDependencies ?? {})
    const missing = wanted
      .filter(build => !(`node_modules/${build}` in packages))
      .map(build => ({
        path,
        line: at(`"${build}"`),
        mend: `${build} is missing (wanted by ${name}): make the lock anew with npm run lock; if it stays missing, that build is not published: take an older version`,
      }))
    return [...address, ...missing]
  })
}

export const isDocument = ({ path }: Paper) => path.endsWith('.md') && basename(path) !== 'CHANGELOG.md'
