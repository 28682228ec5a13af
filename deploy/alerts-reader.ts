/**
 * Reads the HTTP wire of `alerts` (contracts/alerts-api.ts) for drills and tests: what is open, what changes, the
 * score, and an officer's acknowledgement.
 */
import { AlertsEvent, CommandAnswer, Score, WarningsSnapshot } from '@forewarn/contracts/alerts-api'
import type { Warning } from '@forewarn/contracts/warning'

export interface AlertsReader {
  snapshot(): Promise<WarningsSnapshot>
  score(): Promise<Score>
  /** Tells every change from now on; resolves once the signal aborts. */
  watch(options: { readonly onWarning: (warning: Warning) => void; readonly signal: AbortSignal }): Promise<void>
  /** Acknowledges the version that stands now; tries again when the warning changed meanwhile. */
  acknowledge(order: { readonly warningId: string; readonly by: string; readonly atMs: number }): Promise<CommandAnswer>
}

const acknowledgeTries = 5

/** Reads and commands the alerts behind the inner door at `url`. */
export function readAlerts({ url, token }: { url: string; token: string }): AlertsReader {
  const headers = { authorization: `Bearer ${token}` }
  const get = async (path: string): Promise<unknown> => (await fetch(`${url}${path}`, { headers })).json()
  const snapshot = async () => WarningsSnapshot.parse(await get('/warnings'))
  const command = async (body: object) =>
    CommandAnswer.parse(
      await (
        await fetch(`${url}/commands`, {
          method: 'POST',
          headers: { ...headers, 'content-type': 'application/json' },
          body: JSON.stringify(body),
        })
      ).json(),
    )
  return {
    snapshot,
    score: async () => Score.parse(await get('/score')),
    watch: ({ onWarning, signal }) => watch({ url, headers, onWarning, signal }),
    async acknowledge({ warningId, by, atMs }) {
      let answer: CommandAnswer = { result: 'no-such-warning' }
      for (let tries = 0; tries < acknowledgeTries; tries++) {
        const warning = (await snapshot()).warnings.find(({ id }) => id === warningId)
        if (warning === undefined) return answer
        const commandId = `${by}-${crypto.randomUUID()}`.slice(0, 64)
        const shared = { commandId, warningId, by, seenAtMs: atMs }
        answer = await command({ ...shared, expectedVersion: warning.version, action: 'acknowledge' })
        if (answer.result !== 'somebody-was-first') return answer
      }
      return answer
    },
  }
}

interface Watch {
  readonly url: string
  readonly headers: Record<string, string>
  readonly onWarning: (warning: Warning) => void
  readonly signal: AbortSignal
}

async function watch({ url, headers, onWarning, signal }: Watch): Promise<void> {
  try {
    const answer = await fetch(`${url}/events`, { headers: { ...headers, 'last-event-id': '0' }, signal })
    let rest = ''
    for await (const chunk of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const blocks = (rest + chunk).split('\n\n')
      rest = blocks.pop() ?? ''
      for (const block of blocks) tell(block, onWarning)
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

function tell(block: string, onWarning: (warning: Warning) => void): void {
  const data = block
    .split('\n')
    .filter(line => line.startsWith('data:'))
    .map(line => line.slice(5))
    .join('\n')
  if (data === '') return
  const event = AlertsEvent.safeParse(JSON.parse(data))
  if (event.success && event.data.type === 'warning') onWarning(event.data.warning)
}
