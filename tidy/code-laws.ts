/**
 * Laws about what stands in one file. Each takes a parsed file and returns what breaks it.
 */
import { basename } from 'node:path'
import { type Node, Visitor, type VisitorObject } from 'oxc-parser'
import { type Finding, found, lineAt, type Source } from './sources.ts'
import { clockFiles, emptyNames, limits } from './the-house.ts'

export type Law = (source: Source) => Finding[]

/** A law that looks at syntax: `watch` names the node types and reports offsets. */
function watching(
  watch: (report: (node: { start: number }, mend: string) => void, source: Source) => VisitorObject,
): Law {
  return source => {
    const findings: Finding[] = []
    const report = (node: { start: number }, mend: string) => void findings.push(found(source, node.start, mend))
    new Visitor(watch(report, source)).visit(source.program)
    return findings
  }
}

export const saysWhatItOwns: Law = source => {
  if (source.isTest) return []
  const code = source.text.replace(/^#!.*\n/, '')
  return code.startsWith('/**') ? [] : [found(source, 0, 'begin with a comment that says what this file owns')]
}

export const fitsAScreen: Law = source => {
  const lines = source.text.trimEnd().split('\n').length
  const mend = `${lines} lines: past ${limits.fileLines} it holds two ideas; part them`
  return lines > limits.fileLines ? [found(source, source.text.length, mend)] : []
}

export const hasATellingName: Law = source => {
  const words = basename(source.path).split('.')[0]?.split('-') ?? []
  const empty = words.find(word => emptyNames.has(word))
  return empty === undefined ? [] : [found(source, 0, `"${empty}" says nothing: name the thing or the deed`)]
}

export const functionsAreShort: Law = watching((report, { text }) => {
  const measure = (node: { start: number; end: number }) => {
    const lines = lineAt(text, node.end) - lineAt(text, node.start) + 1
    if (lines > limits.functionLines) report(node, `${lines} lines: branch here, do the work in functions of their own`)
  }
  // The callback of `describe`, and a function that only lists tests, is a heading over them.
  const headings = new Set<number>()
  return {
    CallExpression: ({ callee, arguments: args }) => {
      // `describe.concurrent(…)` and `describe.skipIf(…)(…)` are headings as well.
      if (/^describe\b/.test(text.slice(callee.start, callee.end))) for (const arg of args) headings.add(arg.start)
    },
    FunctionDeclaration: node => {
      if (!node.body?.body.some(isTest)) measure(node)
    },
    FunctionExpression: measure,
    ArrowFunctionExpression: node => {
      if (!headings.has(node.start)) measure(node)
    },
  }
})

function isTest(statement: Node): boolean {
  if (statement.type !== 'ExpressionStatement' || statement.expression.type !== 'CallExpression') return false
  const { callee } = statement.expression
  return callee.type === 'Identifier' && (callee.name === 'test' || callee.name === 'describe')
}

const cannotStrip = 'Node strips types and cannot run this: use a union, a module, or a plain function'

export const isStrippable: Law = watching(report => ({
  TSEnumDeclaration: node => report(node, `enum: ${cannotStrip}`),
  TSModuleDeclaration: node => {
    if (!node.declare) report(node, `namespace: ${cannotStrip}`)
  },
  Decorator: node => report(node, `decorator: ${cannotStrip}`),
  TSParameterProperty: node => report(node, `parameter property: ${cannotStrip}`),
}))

export const neverCasts: Law = watching(report => {
  const mend = 'a cast hides what is not known: parse it at the door, or let the types say it'
  return {
    TSAsExpression: node => {
      if (!isConst(node.typeAnnotation)) report(node, mend)
    },
    TSTypeAssertion: node => report(node, mend),
  }
})

function isConst(type: Node): boolean {
  return type.type === 'TSTypeReference' && type.typeName.type === 'Identifier' && type.typeName.name === 'const'
}

export const isToldTheTime: Law = watching((report, { path }) => {
  if (clockFiles.some(pattern => pattern.test(path))) return {}
  const mend = 'time is an argument: take a Clock (runtime/clock.ts), or the time itself'
  return {
    CallExpression: node => {
      const { callee } = node
      if (callee.type !== 'MemberExpression' || callee.object.type !== 'Identifier') return
      if (callee.object.name === 'Date' && callee.property.type === 'Identifier' && callee.property.name === 'now')
        report(node, mend)
    },
    NewExpression: node => {
      if (node.callee.type === 'Identifier' && node.callee.name === 'Date' && node.arguments.length === 0)
        report(node, mend)
    },
  }
})

export const swallowsNothing: Law = watching((report, { comments, text }) => {
  const mend = 'an error vanishes here: handle it, or say in a comment why nothing is to be done'
  // A comment inside, or on the line above, is the reason.
  const explained = ({ start, end }: { start: number; end: number }) => {
    const lineStart = text.lastIndexOf('\n', text.lastIndexOf('\n', start) - 1)
    return comments.some(comment => comment.start >= lineStart && comment.end <= end)
  }
  return {
    CatchClause: node => {
      if (node.body.body.length === 0 && !explained(node)) report(node, mend)
    },
    CallExpression: node => {
      const { callee, arguments: args } = node
      if (callee.type !== 'MemberExpression' || callee.property.type !== 'Identifier') return
      const deed = args[0]
      if (callee.property.name !== 'catch' || deed?.type !== 'ArrowFunctionExpression') return
      const isEmpty = deed.body.type === 'BlockStatement' && deed.body.body.length === 0
      if (isEmpty && !explained(deed)) report(deed, mend)
    },
  }
})

export const exportsByName: Law = watching((report, { path }) => {
  if (path.endsWith('.config.ts')) return {}
  const mend = 'export it by its name, so that it is called the same everywhere'
  return {
    ExportDefaultDeclaration: node => report(node, mend),
    ExportAllDeclaration: node => report(node, 'no barrels: import each thing from the file that owns it'),
  }
})
