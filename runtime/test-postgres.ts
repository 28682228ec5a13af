/**
 * An embedded PostgreSQL for tests: its folder is copied from a template that is made once per machine, because
 * making one takes three seconds and copying a tenth of one.
 */
import { existsSync } from 'node:fs'
import { cp, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedPostgres } from './embedded-postgres.ts'

export interface TestPostgres extends AsyncDisposable {
  readonly url: string
  readonly dir: string
}

// The folder's format belongs to the version of PGlite.
const template = join(tmpdir(), 'forewarn-test-postgres-0.5.14')

/** A fresh folder with an empty database, not started. The caller deletes it. */
export async function freshPostgresFolder(): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), 'forewarn-postgres-'))
  const dir = join(parent, 'postgres')
  if (!existsSync(template)) {
    const made = await startEmbeddedPostgres({ dir })
    await made.stop()
    const copy = join(parent, 'template')
    await cp(dir, copy, { recursive: true })
    // Another test file may have been first; then its template is as good.
    await rename(copy, template).catch(() => undefined)
    return dir
  }
  await cp(template, dir, { recursive: true })
  return dir
}

/** A started, empty database that is gone when disposed. */
export async function startTestPostgres(): Promise<TestPostgres> {
  const dir = await freshPostgresFolder()
  const { url, stop } = await startEmbeddedPostgres({ dir })
  return {
    url,
    dir,
    async [Symbol.asyncDispose]() {
      await stop()
      await rm(join(dir, '..'), { recursive: true, force: true })
    },
  }
}
