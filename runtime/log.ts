/**
 * The log: one event a line, noun then past verb, with its facts as fields (`reading-rejected reason=not-finite`).
 * Secrets never enter it; text that came from outside is a field, never part of the event's name.
 */
import { pino } from 'pino'
import { openLogFile } from './log-file.ts'

export type LogFacts = Readonly<Record<string, unknown>>

export interface Log {
  debug(event: string, facts?: LogFacts): void
  info(event: string, facts?: LogFacts): void
  warn(event: string, facts?: LogFacts): void
  error(event: string, facts?: LogFacts): void
  /** A log whose lines all carry these facts. */
  with(facts: LogFacts): Log
}

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

interface Sink {
  debug(facts: LogFacts, event: string): void
  info(facts: LogFacts, event: string): void
  warn(facts: LogFacts, event: string): void
  error(facts: LogFacts, event: string): void
  child(facts: LogFacts): Sink
}

function wrap(sink: Sink): Log {
  return {
    debug: (event, facts = {}) => sink.debug(facts, event),
    info: (event, facts = {}) => sink.info(facts, event),
    warn: (event, facts = {}) => sink.warn(facts, event),
    error: (event, facts = {}) => sink.error(facts, event),
    with: facts => wrap(sink.child(facts)),
  }
}

/**
 * A log of JSON lines, into a file, or standard error when there is none. Appends; lines reach the file at once. A
 * full disk ends nothing: lines wait for room, up to 4 MB of them, and standard error says so once.
 */
export function openLog({ level, file }: { level: LogLevel; file?: string }): Log {
  const destination = file === undefined ? pino.destination({ dest: 2, sync: true }) : openLogFile(file)
  return wrap(pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime, redact: redacted }, destination))
}

const redacted = ['password', 'token', 'secret', '*.password', '*.token', '*.secret']

/** A log that says nothing: for tests. */
export function silentLog(): Log {
  return wrap(pino({ level: 'silent' }))
}
