import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { storeConformance } from './conformance.ts'
import { openEmbeddedStore } from './embedded.ts'

const root = mkdtempSync(join(tmpdir(), 'forewarn-store-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

storeConformance('the embedded store', ({ place, sensors }) =>
  openEmbeddedStore({ dir: join(root, place), sensors, memoryMb: 64 }),
)
// So small a block that nearly every write settles: the same promises hold whichever table a row is in.
storeConformance(
  'the embedded store, settling all the time',
  ({ place, sensors }) =>
    openEmbeddedStore({ dir: join(root, `settling-${place}`), sensors, memoryMb: 64, blockRows: 2 }),
  ['one row for each sensor and time', 'letting go'],
)
