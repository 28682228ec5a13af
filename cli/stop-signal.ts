/**
 * The wish to stop: Ctrl-C, SIGTERM, or the terminal going away. The first one counts; more of them change nothing,
 * since a launcher and a terminal may each send their own.
 */

/** Resolves with the signal once one comes. */
export function told(): Promise<NodeJS.Signals> {
  return new Promise(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, resolve)
  })
}
