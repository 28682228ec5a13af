/**
 * What the acceptance tests do as a person would: sign in at the console, look at the warnings, press the key.
 */

import { CommandAnswer } from '@forewarn/contracts/alerts-api'
import { Warning } from '@forewarn/contracts/warning'
import { z } from 'zod'

export interface Officer {
  /** Open and recent warnings, as the console shows them. */
  warnings(): Promise<Warning[]>
  /** Presses A on a warning. */
  acknowledge(warning: Warning): Promise<CommandAnswer>
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
  const headers = { cookie, origin: consoleUrl, 'content-type': 'application/json' }
  return {
    warnings: async () =>
      Snapshot.parse(await (await fetch(`${consoleUrl}/api/snapshot`, { headers })).json()).warnings,
    acknowledge: warning => acknowledge(consoleUrl, { headers, warning }),
  }
}

async function acknowledge(consoleUrl: string, { headers, warning }: { headers: HeadersInit; warning: Warning }) {
  const command = {
    commandId: crypto.randomUUID(),
    warningId: warning.id,
    expectedVersion: warning.version,
    action: 'acknowledge',
    seenAtMs: warning.raisedAtMs,
  }
  const reply = await fetch(`${consoleUrl}/api/commands`, { method: 'POST', headers, body: JSON.stringify(command) })
  return CommandAnswer.parse(await reply.json())
}
