/**
 * The law of the house. Each test is one law; what breaks it is listed as file:line and what to do.
 * The tables are in tidy/the-house.ts, the reasons in docs/ARCHITECTURE.md.
 */
import { describe, expect, test } from 'vitest'
import * as code from './tidy/code-laws.ts'
import { circlesIn, goesInCircles, keepsToTheTable } from './tidy/import-laws.ts'
import * as paper from './tidy/paper-laws.ts'
import { type Finding, listFiles, parseAll } from './tidy/sources.ts'
import { mayImport } from './tidy/the-house.ts'

const files = listFiles()
const sources = parseAll(files)
const typescript = sources.filter(({ path }) => !path.endsWith('.mjs'))
const papers = paper.readPapers(files)
const documents = papers.filter(paper.isDocument)

function expectNone(findings: readonly Finding[]): void {
  expect(findings.map(({ path, line, mend }) => `${path}:${line}  ${mend}`).join('\n')).toBe('')
}

describe('the rooms', () => {
  test('a room imports only what the table allows, each file by its name', () =>
    expectNone(sources.flatMap(keepsToTheTable)))
  test('no files import each other in a circle', () => expectNone(goesInCircles(sources)))
  test('the table itself has no circle', () => expect(circlesIn(new Map(Object.entries(mayImport)))).toEqual([]))
})

describe('a file', () => {
  test('begins by saying what it owns', () => expectNone(sources.flatMap(code.saysWhatItOwns)))
  test('holds one idea', () => expectNone(sources.flatMap(code.fitsAScreen)))
  test('is named for a thing or a deed', () => expectNone(sources.flatMap(code.hasATellingName)))
  test('exports by name and is no barrel', () => expectNone(sources.flatMap(code.exportsByName)))
})

describe('the code', () => {
  test('has functions that fit a screen', () => expectNone(sources.flatMap(code.functionsAreShort)))
  test('runs once its types are stripped', () => expectNone(typescript.flatMap(code.isStrippable)))
  test('never casts', () => expectNone(typescript.flatMap(code.neverCasts)))
  test('is told the time and does not ask for it', () => expectNone(sources.flatMap(code.isToldTheTime)))
  test('swallows no error without saying why', () => expectNone(sources.flatMap(code.swallowsNothing)))
})

describe('what is written down', () => {
  test('names only files, scripts, commands and variables that exist', () =>
    expectNone(documents.flatMap(paper.namesWhatExists)))
  test('names no path of one machine', () => expectNone(papers.flatMap(paper.namesNoMachine)))
  test('names no package registry', () => expectNone(papers.flatMap(paper.namesNoRegistry)))
  test('leaves nothing undone', () => expectNone(papers.flatMap(paper.leavesNothingUndone)))
  test('locks packages for every platform, without addresses', () =>
    expectNone(files.filter(file => file.endsWith('package-lock.json')).flatMap(paper.locksForEveryone)))
})
