/**
 * Why the journal could not do it. Callers branch on `code`; the message is for the person who must act.
 */
export const journalTroubles = [
  'journal-full',
  'journal-closed',
  'journal-write-failed',
  'record-too-large',
  'journal-not-durable',
  'journal-taken',
] as const
export type JournalTrouble = (typeof journalTroubles)[number]

export class JournalError extends Error {
  readonly code: JournalTrouble

  constructor(code: JournalTrouble, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'JournalError'
    this.code = code
  }
}
