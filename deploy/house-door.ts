/**
 * What the program on this machine may ask of the house as a whole, behind the inner token: a copy of itself.
 */
import { isAbsolute } from 'node:path'
import { type InnerServer, startInnerServer } from '@forewarn/runtime/inner-server'
import type { Log } from '@forewarn/runtime/log'
import { z } from 'zod'

const Wanted = z.object({ dir: z.string().refine(isAbsolute) })

export interface DoorOptions {
  readonly token: string
  /** Copies the house into this folder, which does not exist yet. */
  readonly snapshot: (dir: string) => Promise<void>
  readonly log: Log
}

/** `POST /snapshot` with `{"dir": "/absolute"}`: answers once the copy is whole. */
export function startHouseDoor({ token, snapshot, log }: DoorOptions): Promise<InnerServer> {
  return startInnerServer({
    token,
    routes(routes) {
      routes.post('/snapshot', async (request, reply) => {
        const wanted = Wanted.safeParse(request.body)
        if (!wanted.success) return await reply.code(400).send({ title: 'dir must be an absolute path' })
        log.info('snapshot-begun', { dir: wanted.data.dir })
        await snapshot(wanted.data.dir)
        log.info('snapshot-made', { dir: wanted.data.dir })
        return {}
      })
    },
  })
}
