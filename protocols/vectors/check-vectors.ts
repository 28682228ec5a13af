/**
 * Runs a file of published frames through a decoder: each row must be read as its `expect` says, and what was in it
 * must come out as its `decoded`. The rows name their public source each.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import type { Frame, FrameDecoder } from '../frame-decoder.ts'

const Row = z.object({
  id: z.string(),
  hex: z.string().optional(),
  hexList: z.array(z.string()).optional(),
  text: z.string().optional(),
  base64: z.string().optional(),
  json: z.unknown().optional(),
  topic: z.string().optional(),
  name: z.string().optional(),
  element: z.string().optional(),
  precision: z.string().optional(),
  defaultTime: z.string().optional(),
  decoded: z.unknown(),
  expect: z.string(),
})
export type VectorRow = z.infer<typeof Row>

/** The rows of `vectors/<file>.json`, or of a file of the same form in another folder. */
export function vectorRows(file: string, folder: string = import.meta.dirname): VectorRow[] {
  return z.array(Row).parse(JSON.parse(readFileSync(join(folder, `${file}.json`), 'utf8')))
}

/** The frame of a row. */
export function frameOf(row: VectorRow): Frame {
  const { hex, hexList, text, base64, topic, precision, defaultTime } = row
  const kind = row.name ?? row.element
  return {
    ...(hex === undefined ? {} : { bytes: Buffer.from(hex, 'hex') }),
    ...(hexList === undefined ? {} : { parts: hexList.map(part => Buffer.from(part, 'hex')) }),
    ...(base64 === undefined ? {} : { bytes: Buffer.from(base64, 'base64') }),
    ...(text === undefined ? {} : { text }),
    ...('json' in row ? { json: row.json } : {}),
    ...(topic === undefined ? {} : { topic }),
    ...(kind === undefined ? {} : { kind }),
    ...(precision === undefined ? {} : { precision }),
    ...(defaultTime === undefined ? {} : { defaultTime }),
  }
}

/** One test per row of `vectors/<file>.json`. `same` compares what came out with the row's `decoded`; deep equality unless given. */
export function checkVectors(
  file: string,
  decoder: FrameDecoder,
  same?: (record: unknown, row: VectorRow) => void,
): void {
  checkRows(vectorRows(file), decoder, same)
}

/** One test per row. */
export function checkRows(
  rows: readonly VectorRow[],
  decoder: FrameDecoder,
  same?: (record: unknown, row: VectorRow) => void,
): void {
  test.each(rows.map((row): [string, VectorRow] => [row.id, row]))('%s is read as published', (_, row) => {
    const decoded = decoder.decode(frameOf(row))
    expect(decoded).toMatchObject({ expect: row.expect, ok: row.expect.startsWith('accept') })
    if (decoded.ok && same !== undefined) same(decoded.records[0], row)
    else if (decoded.ok) expect(decoded.records[0]).toEqual(row.decoded)
    else expect(decoded.error).toMatch(/\w/)
  })
}
