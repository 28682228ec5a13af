/**
 * Reads the text of a frame in ASCII coding (SL 651-2014, 6.5): words parted by blanks, each id followed by its value,
 * `M` for no value. Where the text says the same as the binary coding it becomes the same elements.
 */
import { deviceTimeOf, isoMinute } from '../beijing-time.ts'
import { elementFacts, elementIdOf } from './elements.ts'
import { type BadBody, bitsOf, type Element, type Step } from './elements-of-body.ts'

export interface TextElements {
  readonly elements: readonly Element[]
  readonly reportStation?: string
  /** The character of the kind of station. */
  readonly stationLetter?: string
}

interface Words {
  readonly words: readonly string[]
  at: number
  obsTime: string | null
  stepped: boolean
  readonly elements: Element[]
  reportStation?: string
  stationLetter?: string
}

/** Reads the words behind serial number and time of sending. */
export function readTextElements(text: string): TextElements | BadBody {
  const words: Words = { words: wordsOf(text), at: 0, obsTime: null, stepped: false, elements: [] }
  while (words.at < words.words.length) {
    const trouble = readWord(words)
    if (trouble !== undefined) return { detail: `${trouble} (word ${words.at + 1} of the text)` }
  }
  const { elements, reportStation, stationLetter } = words
  return {
    elements,
    ...(reportStation === undefined ? {} : { reportStation }),
    ...(stationLetter === undefined ? {} : { stationLetter }),
  }
}

/** Words, but what was entered by hand is one word to the end of the text. */
function wordsOf(text: string): readonly string[] {
  const [before = '', byHand] = text.split(/(?:^|\s)RGZS\s/, 2)
  const words = before.split(/\s+/).filter(word => word !== '')
  return byHand === undefined ? words : [...words, 'RGZS', byHand.trimEnd()]
}

function readWord(words: Words): string | undefined {
  const word = next(words) ?? ''
  const symbol = word.toUpperCase()
  const step = stepOf(symbol)
  if (step !== undefined) {
    words.stepped = true
    words.elements.push({ id: '04', symbol: 'DR', value: step })
    return undefined
  }
  if (symbol === 'ST') return readStation(words)
  if (symbol === 'TT') return readTime(words)
  const value = next(words)
  if (value === undefined) return `${word} has no value`
  return readElement(words, symbol, value)
}

function next(words: Words): string | undefined {
  const word = words.words[words.at]
  if (word !== undefined) words.at++
  return word
}

/** `DRN05` every 5 minutes, `DRH01` hourly, `DRD01` daily. */
function stepOf(symbol: string): Step | undefined {
  const [, unit, amount] = /^DR([DHN])(\d{2})$/.exec(symbol) ?? []
  if (unit === undefined) return undefined
  const count = Number(amount)
  return { d: unit === 'D' ? count : 0, h: unit === 'H' ? count : 0, min: unit === 'N' ? count : 0 }
}

function readStation(words: Words): string | undefined {
  const station = next(words)
  if (station === undefined || !/^[0-9A-Za-z]{8,10}$/.test(station)) return 'ST without a station address'
  words.reportStation = station.toUpperCase()
  const letter = words.words[words.at]
  // A kind of station is one letter, and so is the level Z: behind Z of a river station comes a number.
  if (letter !== undefined && /^[A-Z]$/.test(letter) && !isNumber(words.words[words.at + 1])) {
    words.stationLetter = letter
    words.at++
  }
  return undefined
}

function readTime(words: Words): string | undefined {
  const digits = next(words)
  if (digits === undefined) return 'TT without a time'
  const time = deviceTimeOf(digits)
  words.obsTime = time === undefined ? null : isoMinute(time)
  return undefined
}

function isNumber(word: string | undefined): boolean {
  return word !== undefined && (/^[-+]?\d+(\.\d+)?$/.test(word) || word.toUpperCase() === 'M')
}

function readElement(words: Words, symbol: string, value: string): string | undefined {
  const id = elementIdOf(symbol) ?? symbol
  const facts = { id, ...elementFacts(id), obsTime: words.obsTime }
  if (id === 'F2') return push(words, { id, symbol: 'RGZS', value })
  if (id === '45') return readStatus(words, value)
  if (id === 'F4') return readHour(words, facts, { text: value, width: 2, decimals: 1 })
  if (/^F[5-9A-C]$/.test(id)) return readHour(words, facts, { text: value, width: 4, decimals: 2 })
  if (!words.stepped) return push(words, { ...facts, ...numberOrRaw(value) })
  words.stepped = false
  const values = [value]
  for (let word = words.words[words.at]; isNumber(word); word = words.words[words.at]) {
    values.push(word ?? '')
    words.at++
  }
  return push(words, { ...facts, values: values.map(numberOf) })
}

function push(words: Words, element: Element): undefined {
  words.elements.push(element)
}

function numberOf(word: string): number | null {
  return isNumber(word) && word.toUpperCase() !== 'M' ? Number(word) : null
}

function numberOrRaw(word: string): { value: number | null; rawHex?: string } {
  const value = numberOf(word)
  if (isNumber(word)) return { value }
  return { value, rawHex: Buffer.from(word).toString('hex').toUpperCase() }
}

function readStatus(words: Words, hex: string): string | undefined {
  if (!/^[0-9A-Fa-f]{1,8}$/.test(hex)) return `ZT must be hex digits, not ${hex}`
  const value = Number.parseInt(hex, 16)
  return push(words, { id: '45', symbol: 'ZT', obsTime: words.obsTime, value, bits: bitsOf(value) })
}

/** The twelve values of an hour stay hex digits without a point, also in ASCII coding (Annex C). */
function readHour(
  words: Words,
  facts: Element,
  { text, width, decimals }: { text: string; width: number; decimals: number },
): string | undefined {
  if (text.length !== 12 * width || !/^[0-9A-Fa-f]+$/.test(text))
    return `${facts.symbol} must be ${12 * width} hex digits`
  const values = Array.from({ length: 12 }, (_, slot) => {
    const digits = text.slice(slot * width, (slot + 1) * width)
    return /^F+$/i.test(digits) ? null : Number((Number.parseInt(digits, 16) / 10 ** decimals).toFixed(decimals))
  })
  words.stepped = false
  return push(words, { ...facts, values })
}
