/**
 * Frames that may hold real stations or positions are not part of this project. Where a folder with the full files
 * stands beside the checkout (`../shared`, or where FOREWARN_SHARED points), its rows are read as well; where it does
 * not, a line says so.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe } from 'vitest'
import type { FrameDecoder } from '../frame-decoder.ts'
import { checkRows, type VectorRow, vectorRows } from './check-vectors.ts'

const shared = process.env['FOREWARN_SHARED'] ?? join(import.meta.dirname, '..', '..', '..', 'shared')
const folder = join(shared, 'data', 'protocol-vectors')

/** As `checkVectors`, with the rows of the outer folder's file that the project's file does not have. */
export function checkOuterVectors(
  file: string,
  decoder: FrameDecoder,
  same?: (record: unknown, row: VectorRow) => void,
): void {
  const outerFile = file.replaceAll('-', '_')
  if (!existsSync(join(folder, `${outerFile}.json`))) {
    console.info(`${file}: frames outside the project are not read; FOREWARN_SHARED may name their folder`)
    return
  }
  const here = new Set(vectorRows(file).map(({ id }) => id))
  const rows = vectorRows(outerFile, folder).filter(({ id }) => !here.has(id))
  if (rows.length > 0) describe(`frames outside the project: ${file}`, () => checkRows(rows, decoder, same))
}
