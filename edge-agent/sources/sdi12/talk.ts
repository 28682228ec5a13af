/**
 * Question and answer on an SDI-12 line: measure, wait, fetch the values. Every question is asked up to three times, as
 * the standard has it (§4.4).
 */
import type { Duplex } from 'node:stream'
import { readAnswer, type Sdi12Answer } from '@forewarn/protocols/sdi12/answer'

/** Values, or what is the matter in a sentence. */
export type Measured = { readonly values: readonly number[] } | { readonly trouble: string }

export interface Talk {
  measure(address: string, command: string): Promise<Measured>
}

const triesAtMost = 3
/** D0 to D9. */
const questionsAtMost = 10

/** Asks sensors on an open line; an answer may take `timeoutMs` of wall time. */
export function talkOn(line: Duplex, timeoutMs: number): Talk {
  const lines = new LineEar(line)
  /** The answer to one question, or a sentence. */
  const ask = async (address: string, command: string): Promise<Sdi12Answer | string> => {
    let trouble = ''
    for (let attempt = 0; attempt < triesAtMost; attempt++) {
      if (line.destroyed) return 'the line was closed'
      lines.forget()
      line.write(`${address}${command}!`)
      const heard = await lines.next(timeoutMs)
      if (heard === undefined) {
        trouble = `no answer to ${command}`
        continue
      }
      const answer = readAnswer(withoutEcho(heard, `${address}${command}!`))
      if ('fault' in answer) trouble = `${command}: ${answer.error}`
      else if (answer.address !== address) trouble = `${command}: an answer of sensor ${answer.address}`
      else return answer
    }
    return trouble
  }
  const valuesOf = async (address: string, question: string, withCrc: boolean): Promise<Measured> => {
    const answer = await ask(address, question)
    if (typeof answer === 'string') return { trouble: answer }
    if (answer.kind !== 'values') return { trouble: `${question}: no values` }
    if (withCrc && !answer.withCrc) return { trouble: `${question}: an answer without the CRC that was asked for` }
    return answer
  }
  return {
    async measure(address, command) {
      const promise = await ask(address, command)
      if (typeof promise === 'string') return { trouble: promise }
      if (promise.kind !== 'promise') return { trouble: `${command}: no measurement announced` }
      // A sensor that is ready sooner says so by its address on a line of its own (§4.4.7).
      if (promise.readyInS > 0) await lines.next(promise.readyInS * 1000)
      const withCrc = command.slice(1).startsWith('C')
      const values: number[] = []
      for (let question = 0; values.length < promise.count && question < questionsAtMost; question++) {
        const some = await valuesOf(address, `D${question}`, withCrc)
        if ('trouble' in some) return some
        if (some.values.length === 0) return { trouble: `${values.length} of ${promise.count} values came` }
        values.push(...some.values)
      }
      return { values }
    },
  }
}

/** Many adapters repeat what they are told. */
function withoutEcho(line: string, question: string): string {
  return line.startsWith(question) ? line.slice(question.length) : line
}

/** Longer than any answer (§4.4: 81 characters), with an echo. */
const longestLine = 200

/** Hears a line as lines of text. */
class LineEar {
  #text = ''
  #heard: ((line: string | undefined) => void) | undefined

  constructor(line: Duplex) {
    line.on('data', (piece: Buffer) => this.#take(piece.toString('latin1')))
    line.once('close', () => this.#heard?.(undefined))
  }

  #take(piece: string): void {
    // Some serial lines leave the parity bit in.
    this.#text = (
      this.#text + piece.replace(/[\x80-\xff]/g, char => String.fromCharCode(char.charCodeAt(0) & 0x7f))
    ).slice(-longestLine)
    const end = this.#text.indexOf('\n')
    if (end < 0 || this.#heard === undefined) return
    const line = this.#text.slice(0, end + 1)
    this.#text = this.#text.slice(end + 1)
    this.#heard(line)
  }

  /** What came unasked, or too late, answers nothing. */
  forget(): void {
    this.#text = ''
  }

  /** The next line; undefined when none comes in time. */
  next(timeoutMs: number): Promise<string | undefined> {
    return new Promise(resolve => {
      const settle = (line: string | undefined) => {
        clearTimeout(limit)
        this.#heard = undefined
        resolve(line)
      }
      const limit = setTimeout(() => settle(undefined), timeoutMs)
      this.#heard = settle
      this.#take('')
    })
  }
}
