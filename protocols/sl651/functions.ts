/**
 * The functions of SL 651-2014, Annex B: what they are called, and which of them change something at a station. Those
 * are never sent unless a person has named them.
 */
export interface FunctionFacts {
  readonly name: string
  /** A down frame of it changes settings, data or equipment of the station. */
  readonly changes: boolean
}

const facts: Readonly<Record<string, FunctionFacts>> = {
  '2F': { name: 'keep-alive', changes: false },
  '30': { name: 'test report', changes: false },
  '31': { name: 'evenly spaced series', changes: false },
  '32': { name: 'timed report', changes: false },
  '33': { name: 'extra report', changes: false },
  '34': { name: 'hourly report', changes: false },
  '35': { name: 'report entered by hand', changes: false },
  '36': { name: 'picture', changes: false },
  '37': { name: 'query: values of now', changes: false },
  '38': { name: 'query: values of a period', changes: false },
  '39': { name: 'query: values entered by hand', changes: false },
  '3A': { name: 'query: named elements', changes: false },
  '40': { name: 'write basic configuration', changes: true },
  '41': { name: 'read basic configuration', changes: false },
  '42': { name: 'write running configuration', changes: true },
  '43': { name: 'read running configuration', changes: false },
  '44': { name: 'query: pump motors', changes: false },
  '45': { name: 'query: software version', changes: false },
  '46': { name: 'query: status and alarms', changes: false },
  '47': { name: 'erase the data store', changes: true },
  '48': { name: 'factory reset', changes: true },
  '49': { name: 'change the key', changes: true },
  '4A': { name: 'set the clock', changes: true },
  '4B': { name: 'set the IC card state', changes: true },
  '4C': { name: 'switch pumps', changes: true },
  '4D': { name: 'switch valves', changes: true },
  '4E': { name: 'move gates', changes: true },
  '4F': { name: 'water quota control', changes: true },
  '50': { name: 'query: event counters', changes: false },
  '51': { name: 'query: clock', changes: false },
}

/** What is known of a function (two upper-case hex characters). One that is not in Annex B counts as changing. */
export function functionFacts(func: string): FunctionFacts {
  return (Object.hasOwn(facts, func) ? facts[func] : undefined) ?? { name: `function ${func}`, changes: true }
}

/** Functions by which a station reports on its own. */
export const reportFuncs: ReadonlySet<string> = new Set('30 31 32 33 34 35 36'.split(' '))

/** Functions that a centre asks with, and that a station answers with what was asked for. */
export const queryFuncs: ReadonlySet<string> = new Set(
  Object.entries(facts)
    .filter(([func, { changes }]) => !changes && func >= '37')
    .map(([func]) => func),
)

/** Every function that changes something at a station. */
export const changingFuncs: readonly string[] = Object.entries(facts)
  .filter(([, { changes }]) => changes)
  .map(([func]) => func)
