/**
 * `GET /ledger?hours=24&gateway=…` of ingest's inner server.
 */
import type { LedgerReport } from '@forewarn/contracts/ledger'
import { z } from 'zod'
import type { Ledger } from './ledger.ts'

const Query = z.object({
  hours: z.coerce.number().int().min(1).max(336).default(24),
  gateway: z.string().optional(),
})

interface Routes {
  get(path: string, answer: (request: { readonly query: unknown }) => Promise<LedgerReport | BadQuery>): unknown
}

interface BadQuery {
  readonly title: string
}

/** Adds the ledger to an inner server. */
export function ledgerRoutes(routes: Routes, ledger: Pick<Ledger, 'report'>): void {
  routes.get('/ledger', async ({ query }) => {
    const wanted = Query.safeParse(query)
    return wanted.success ? ledger.report(wanted.data) : { title: 'hours must be 1 to 336' }
  })
}
