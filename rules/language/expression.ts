/**
 * Conditions: CEL text in, a checked function out. cel-js parses and type-checks; the functions are built here from
 * its syntax tree, because a rule is asked a hundred thousand times a second.
 */
import { Quantity, type Quantity as QuantityName, quantities } from '@forewarn/contracts/quantity'
import { type ASTNode, Environment } from '@marcbachmann/cel-js'
import { withoutDurations } from './duration.ts'
import { nearWord } from './near-word.ts'
import type { Expression } from './rule.ts'
import { type Aggregate, aggregates, type Window, type WindowSpan } from './window.ts'

/** Where in the condition, and what is wrong with it. */
export interface ExpressionFault {
  readonly offset: number
  readonly message: string
}

type Read<T> = (window: Window) => T

const quantityNames: readonly string[] = Object.keys(quantities)
const placeTexts = ['id', 'kind', 'subdistrict', 'catchment'] as const

function makeEnvironment(): Environment {
  const environment = new Environment()
    .registerVariable('value', 'double')
    .registerVariable('depth', 'double')
    .registerVariable('place', 'dyn')
    .registerFunction('probability(bool, double): double', () => 0)
    // CEL compares 2.5 > 2 but not 2.0 == 2; people who write rules expect both.
    .registerOperator('double == int', (a: number, b: bigint) => a === Number(b))
  for (const name of quantityNames) environment.registerVariable(name, 'double')
  for (const name of aggregates) environment.registerFunction(`${name}(double, double): double`, () => 0)
  return environment
}

const environment = makeEnvironment()

/** Thrown while compiling, caught in `compileExpression`; carries the node that is at fault. */
class Unusable extends Error {
  readonly offset: number

  constructor(message: string, node: ASTNode) {
    super(message)
    this.offset = node.range.start
  }
}

interface Uses {
  readonly quantities: Set<QuantityName>
  readonly spans: WindowSpan[]
  readonly limits: Set<string>
}

/** Compiles a condition that must be true or false. Faults come back as values, with their place in the text. */
export function compileExpression(source: string): Expression | ExpressionFault {
  const plain = withoutDurations(source)
  const fault = (offset: number, message: string) => ({ offset: plain.originalOffset(offset), message })
  const checked = environment.check(plain.text)
  if (!checked.valid) {
    const error = checked.error
    return fault(error?.range?.start ?? 0, friendly(firstLine(error?.message ?? 'no condition')))
  }
  if (checked.type !== 'bool' && checked.type !== 'dyn') {
    return fault(0, `a condition is true or false, and this is a ${checked.type}`)
  }
  const uses: Uses = { quantities: new Set(), spans: [], limits: new Set() }
  try {
    const ast = environment.parse(plain.text).ast
    const holds = truth(ast, uses)
    return {
      source,
      holds,
      ...bounded(ast, uses),
      quantities: [...uses.quantities],
      spans: uses.spans,
      limits: [...uses.limits],
    }
  } catch (error) {
    if (error instanceof Unusable) return fault(error.offset, error.message)
    throw error
  }
}

/** Whether compiling gave a fault. */
export function isFault(result: Expression | ExpressionFault): result is ExpressionFault {
  return 'offset' in result
}

function firstLine(message: string): string {
  return message.split('\n')[0] ?? message
}

function friendly(message: string): string {
  const name = /^Unknown variable: (\w+)/.exec(message)?.[1]
  if (name !== undefined) return `nothing is called "${name}"${didYouMean(name, ['value', 'place', ...quantityNames])}`
  const call = /unknown function|found no matching overload for '(\w+)/i.exec(message)?.[1]
  if (call === undefined) return message
  return `${message}${didYouMean(call, ['probability', ...aggregates])}`
}

function didYouMean(word: string, known: readonly string[]): string {
  const near = nearWord(word, known)
  return near === undefined || near === word ? '' : `; did you mean "${near}"?`
}

function bounded(ast: ASTNode, uses: Uses): { lowerBound?: Read<number> } {
  if (ast.op !== '>=' && ast.op !== '>') return {}
  const [left, right] = ast.args
  if (left.op !== 'id' || left.args !== 'value' || !isFixed(right)) return {}
  return { lowerBound: number(right, uses) }
}

/** Whether it is the same for every reading of a place: a number, or one of the place's limits. */
function isFixed(node: ASTNode): boolean {
  return node.op === 'value' || (node.op === '.' && node.args[0].op === '.')
}

function truth(node: ASTNode, uses: Uses): Read<boolean> {
  switch (node.op) {
    case 'value':
      if (typeof node.args === 'boolean') return fixed(node.args)
      break
    case '&&':
      return both(truth(node.args[0], uses), truth(node.args[1], uses))
    case '||':
      return either(truth(node.args[0], uses), truth(node.args[1], uses))
    case '!_': {
      const inner = truth(node.args, uses)
      return window => !inner(window)
    }
    case '?:': {
      const [condition, yes, no] = [truth(node.args[0], uses), truth(node.args[1], uses), truth(node.args[2], uses)]
      return window => (condition(window) ? yes(window) : no(window))
    }
    case 'in':
      return member(node.args[0], node.args[1])
    case '==':
    case '!=':
      return equality(node.op, node.args, uses)
    case '>=':
    case '>':
    case '<=':
    case '<':
      return comparison(node.op, number(node.args[0], uses), number(node.args[1], uses))
  }
  throw new Unusable(`"${node.op}" is not something a rule can decide by`, node)
}

const both =
  (a: Read<boolean>, b: Read<boolean>): Read<boolean> =>
  window =>
    a(window) && b(window)

const either =
  (a: Read<boolean>, b: Read<boolean>): Read<boolean> =>
  window =>
    a(window) || b(window)

function comparison(op: '>=' | '>' | '<=' | '<', a: Read<number>, b: Read<number>): Read<boolean> {
  if (op === '>=') return window => a(window) >= b(window)
  if (op === '>') return window => a(window) > b(window)
  if (op === '<=') return window => a(window) <= b(window)
  return window => a(window) < b(window)
}

function equality(op: '==' | '!=', [left, right]: [ASTNode, ASTNode], uses: Uses): Read<boolean> {
  const same =
    isText(left) || isText(right) ? equal(text(left), text(right)) : equal(number(left, uses), number(right, uses))
  return op === '==' ? same : window => !same(window)
}

function equal<T>(a: Read<T>, b: Read<T>): Read<boolean> {
  return window => a(window) === b(window)
}

function member(element: ASTNode, list: ASTNode): Read<boolean> {
  if (list.op !== 'list') throw new Unusable('after "in" stands a list, like ["underpass", "low-road"]', list)
  const read = text(element)
  const items = new Set(list.args.map(item => text(item)(nowhere)))
  return window => items.has(read(window))
}

// Literal texts do not look at the window; this stands in for it while compiling.
const nowhere: Window = {
  value: Number.NaN,
  place: {
    id: 'nowhere',
    kind: 'manhole',
    name: { zh: '无', en: 'nowhere' },
    position: { lon: 0, lat: 0, crs: 'WGS-84' },
    limits: {},
    stagingPoints: [],
  },
  latest: () => Number.NaN,
  over: () => Number.NaN,
  probability: () => Number.NaN,
}

function isText(node: ASTNode): boolean {
  return (
    (node.op === 'value' && typeof node.args === 'string') ||
    (node.op === '.' && node.args[0].op === 'id' && node.args[0].args === 'place' && node.args[1] !== 'limit')
  )
}

function text(node: ASTNode): Read<string | undefined> {
  if (node.op === 'value' && typeof node.args === 'string') return fixed(node.args)
  if (node.op === '.' && node.args[0].op === 'id' && node.args[0].args === 'place') {
    const name = node.args[1]
    const field = placeTexts.find(known => known === name)
    if (field !== undefined) return window => window.place[field]
    throw new Unusable(`a place has no "${name}"${didYouMean(name, [...placeTexts, 'limit'])}`, node)
  }
  throw new Unusable('this is no text', node)
}

function fixed<T>(value: T): Read<T> {
  return () => value
}

function number(node: ASTNode, uses: Uses): Read<number> {
  switch (node.op) {
    case 'value':
      if (typeof node.args === 'number' || typeof node.args === 'bigint') return fixed(Number(node.args))
      break
    case 'id':
      return variable(node, node.args, uses)
    case '.':
      return limit(node, node.args, uses)
    case '-_': {
      const inner = number(node.args, uses)
      return window => -inner(window)
    }
    case '+':
    case '-':
    case '*':
    case '/':
      return arithmetic(node.op, number(node.args[0], uses), number(node.args[1], uses))
    case 'call':
      return call(node, node.args, uses)
  }
  throw new Unusable('this is no number', node)
}

function arithmetic(op: '+' | '-' | '*' | '/', a: Read<number>, b: Read<number>): Read<number> {
  if (op === '+') return window => a(window) + b(window)
  if (op === '-') return window => a(window) - b(window)
  if (op === '*') return window => a(window) * b(window)
  return window => a(window) / b(window)
}

function variable(node: ASTNode, name: string, uses: Uses): Read<number> {
  if (name === 'value') return window => window.value
  if (name === 'depth') throw new Unusable('depth is what a forecast foresees: use it inside probability(…)', node)
  const quantity = Quantity.safeParse(name)
  if (!quantity.success) throw new Unusable(`"${name}" is no number`, node)
  uses.quantities.add(quantity.data)
  return window => window.latest(quantity.data)
}

function limit(node: ASTNode, [of, name]: [ASTNode, string], uses: Uses): Read<number> {
  const isLimit = of.op === '.' && of.args[1] === 'limit' && of.args[0].op === 'id' && of.args[0].args === 'place'
  if (!isLimit) {
    const word = of.op === '.' ? of.args[1] : name
    throw new Unusable(`a place has no "${word}"${didYouMean(word, [...placeTexts, 'limit'])}`, node)
  }
  uses.limits.add(name)
  return window => window.place.limits[name] ?? Number.NaN
}

function call(node: ASTNode, [name, args]: [string, ASTNode[]], uses: Uses): Read<number> {
  const [first, second] = args
  if (first === undefined || second === undefined) throw new Unusable(`${name} takes two arguments`, node)
  if (name === 'probability') return probability(first, number(second, uses), uses)
  const aggregate = aggregates.find(known => known === name)
  if (aggregate === undefined) throw new Unusable(`there is no function ${name}`, node)
  return overSpan(aggregate, first, second, uses)
}

function probability(condition: ASTNode, horizonMs: Read<number>, uses: Uses): Read<number> {
  const isDepth = condition.op === '>=' && condition.args[0].op === 'id' && condition.args[0].args === 'depth'
  if (!isDepth) throw new Unusable('probability asks for depth >= something, within a time', condition)
  const limitOf = number(condition.args[1], uses)
  return window => window.probability(limitOf(window), horizonMs(window))
}

function overSpan(aggregate: Aggregate, of: ASTNode, spanOf: ASTNode, uses: Uses): Read<number> {
  const quantity = of.op === 'id' ? Quantity.safeParse(of.args) : undefined
  if (quantity === undefined || !quantity.success)
    throw new Unusable(`${aggregate} looks back over a quantity, like ${aggregate}(rain, 10 min)`, of)
  if (spanOf.op !== 'value') throw new Unusable('the span is a length of time, like 10 min', spanOf)
  const span = { aggregate, quantity: quantity.data, spanMs: Number(spanOf.args) }
  uses.quantities.add(quantity.data)
  uses.spans.push(span)
  return window => window.over(span)
}
