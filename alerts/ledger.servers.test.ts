import { installed, startPostgres } from '@forewarn/runtime/test-servers'
import { expect, test } from 'vitest'
import { openLedger } from './ledger.ts'

const program = installed('postgres')

test.skipIf(program === undefined)(
  'a database that goes away within a transaction fails that transaction, and the process goes on',
  async () => {
    const server = await startPostgres(program ?? '')
    const ledger = await openLedger({ databaseUrl: server.url, onTrouble: () => {} })
    const lost = ledger.transaction(async () => {
      await server.stop()
      // The lost connection is told in a later turn of the event loop: no query is under way then.
      for (let turn = 0; turn < 100; turn++) await new Promise(resolve => setImmediate(resolve))
    })
    await expect(lost).rejects.toThrow()
    await ledger.close()
  },
)
