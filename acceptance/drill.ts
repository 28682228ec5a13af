/**
 * What the acceptance tests do as a person would: sign in at the console, look at the warnings, press the key.
 */

import { CommandAnswer } from '@forewarn/contracts/alerts-api'
import { Warning } from '@forewarn/contracts/warning'
import { z } from 'zod'

export interface Officer {
  readonly name: string
  /** Open and recent warnings, as the console shows them. */
  warnings(): Promise<Warning[]>
  /** Gives a command on the warning as it was seen. */
  command(seen: Warning, command: CommandGiven): Promise<CommandAnswer>
  /** Presses A on a warning. */
  acknowledge(warning: Warning): Promise<CommandAnswer>
}

export interface CommandGiven {
  readonly action: 'acknowledge' | 'veto'
  /** A new one unless given. */
  readonly commandId?: string
  readonly reason?: string
}

const Snapshot = z.object({ warnings: z.array(Warning) })

/** Signs in over HTTP. Throws when the console refuses. */
export async function signIn({
  consoleUrl,
  name,
  password,
}: {
  consoleUrl: string
  name: string
  password: string
}): Promise<Officer> {
  const answer = await fetch(`${consoleUrl}/api/sign-in`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: consoleUrl },
    body: JSON.stringify({ name, password }),
  })
  if (!answer.ok) throw new Error(`sign-in refused with ${answer.status}: ${await answer.text()}`)
  const cookie = answer.headers
    .getSetCookie()
    .map(line => line.split(';')[0])
    .join('; ')
  return at({ consoleUrl, name, headers: { cookie, origin: consoleUrl } })
}

/** What a tool of the house is at the console: it has the inner token, and is called `tool`. */
export function toolOf({ consoleUrl, token }: { consoleUrl: string; token: string }): Officer {
  return at({ consoleUrl, name: 'tool', headers: { authorization: `Bearer ${token}` } })
}

interface Seat {
  readonly consoleUrl: string
  readonly name: string
  readonly headers: Readonly<Record<string, string>>
}

function at({ consoleUrl, name, headers }: Seat): Officer {
  const command: Officer['command'] = async (seen, { commandId = crypto.randomUUID(), ...given }) => {
    const { id, version, raisedAtMs } = seen
    const body = { ...given, commandId, warningId: id, expectedVersion: version, seenAtMs: raisedAtMs }
    const reply = await fetch(`${consoleUrl}/api/commands`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    return CommandAnswer.parse(await reply.json())
  }
  return {
    name,
    command,
    acknowledge: warning => command(warning, { action: 'acknowledge' }),
    warnings: async () =>
      Snapshot.parse(await (await fetch(`${consoleUrl}/api/snapshot`, { headers })).json()).warnings,
  }
}
