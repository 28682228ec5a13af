/**
 * How the program ends, for scripts: 0 all well, 1 trouble was found, 2 wrongly used or not able to start.
 */
import { StartError } from '@forewarn/deploy/start-error'

export const exitCodes = { ok: 0, trouble: 1, cannotStart: 2 } as const
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** Something the person can put right, told in one line; ends the program with 2. */
export class WrongUse extends Error {
  override readonly name = 'WrongUse'
}

/** One line for the person, and the code to end with. An error nobody foresaw is told with its causes. */
export function ending(error: unknown): { readonly line: string; readonly code: ExitCode } {
  if (error instanceof WrongUse || error instanceof StartError)
    return { line: `forewarn: ${error.message}`, code: exitCodes.cannotStart }
  return { line: `forewarn: unexpected: ${causesOf(error).join(': ')}`, code: exitCodes.cannotStart }
}

function causesOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [String(error)]
  return error.cause === undefined ? [error.message] : [error.message, ...causesOf(error.cause)]
}
