/**
 * Laws about who imports whom: the table of rooms, how a file is named, and no circles.
 */
import { posix } from 'node:path'
import { type Finding, found, type Source } from './sources.ts'
import { mayImport, testsMayImport } from './the-house.ts'

interface Import {
  readonly to: string
  readonly offset: number
}

/** Every import and re-export of a file whose module is named in plain text. */
function importsOf({ module, text }: Source): Import[] {
  const named = [
    ...module.staticImports.map(({ moduleRequest: { value, start } }) => ({ to: value, offset: start })),
    ...module.staticExports.flatMap(({ entries }) =>
      entries.flatMap(({ moduleRequest }) =>
        moduleRequest ? [{ to: moduleRequest.value, offset: moduleRequest.start }] : [],
      ),
    ),
  ]
  const dynamic = module.dynamicImports.flatMap(({ moduleRequest: { start, end } }) => {
    const literal = /^['"]([^'"]+)['"]$/.exec(text.slice(start, end))?.[1]
    return literal === undefined ? [] : [{ to: literal, offset: start }]
  })
  return [...named, ...dynamic]
}

const ours = /^@forewarn\/([a-z0-9-]+)(?:\/(.+))?$/

/** Rooms import only what the table allows, each file through its package. */
export function keepsToTheTable(source: Source): Finding[] {
  if (source.room === '') return []
  return importsOf(source).flatMap(({ to, offset }) => {
    const mend = troubleWith(to, source)
    return mend === undefined ? [] : [found(source, offset, mend)]
  })
}

function troubleWith(to: string, { path, room, isTest }: Source): string | undefined {
  const [, other, file] = ours.exec(to) ?? []
  if (other !== undefined) {
    if (other === room) return `inside a room write a relative path instead of ${to}`
    if (file === undefined) return `name the file that owns it: @forewarn/${other}/…`
    const allowed = [...(mayImport[room] ?? []), ...(isTest ? testsMayImport : [])]
    return allowed.includes(other)
      ? undefined
      : `${room} may not import ${other}: meet on a wire, or move what is shared to contracts`
  }
  if (!to.startsWith('.')) return undefined
  if (!posix.normalize(posix.join(posix.dirname(path), to)).startsWith(`${room}/`))
    return `${to} leaves the room: import through the package, @forewarn/…`
  return /\.(ts|tsx|mjs|css|json)(\?.*)?$/.test(to) ? undefined : `write the file name extension of ${to}`
}

/** Files that import each other in a circle, each circle once. Types count as well: they knot files just so. */
export function goesInCircles(sources: readonly Source[]): Finding[] {
  const graph = new Map(sources.map(source => [source.path, targetsOf(source)]))
  const byPath = new Map(sources.map(source => [source.path, source]))
  return circlesIn(graph).flatMap(circle => {
    const source = byPath.get(circle[0] ?? '')
    return source === undefined
      ? []
      : [
          found(
            source,
            0,
            `a circle: ${[...circle, circle[0]].join(' → ')}; move what both need into a file of its own`,
          ),
        ]
  })
}

function targetsOf(source: Source): string[] {
  return importsOf(source).flatMap(({ to }) => {
    const [, room, file] = ours.exec(to) ?? []
    if (room !== undefined && file !== undefined) return [`${room}/${file}.ts`]
    return to.startsWith('.') ? [posix.normalize(posix.join(posix.dirname(source.path), to))] : []
  })
}

/** Circles of a directed graph, found depth first; each begins with the node where it was entered. */
export function circlesIn(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const circles: string[][] = []
  const done = new Set<string>()
  const way: string[] = []
  const visit = (node: string) => {
    const at = way.indexOf(node)
    if (at !== -1) return void circles.push(way.slice(at))
    if (done.has(node)) return
    way.push(node)
    for (const next of graph.get(node) ?? []) visit(next)
    way.pop()
    done.add(node)
  }
  for (const node of graph.keys()) visit(node)
  return circles
}
