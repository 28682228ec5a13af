/**
 * What the embedded store needs of DuckDB: open a file within a memory limit, run SQL, put columns in and take
 * them out as typed arrays. Nothing here knows what the tables mean.
 */
import {
  BIGINT,
  DOUBLE,
  DuckDBBigIntVector,
  type DuckDBConnection,
  DuckDBDataChunk,
  DuckDBDoubleVector,
  DuckDBInstance,
  DuckDBUIntegerVector,
  DuckDBUTinyIntVector,
  UINTEGER,
  UTINYINT,
} from '@duckdb/node-api'
import { type ReadingColumns, sliceColumns } from './columns.ts'

export interface DuckOptions {
  readonly file: string
  /** Where sorts that do not fit into memory go. */
  readonly spillDir: string
  readonly memoryMb: number
}

/** Opens or creates a database file. Rejects with DuckDB's error. */
export async function openDuck({ file, spillDir, memoryMb }: DuckOptions): Promise<DuckDBInstance> {
  return DuckDBInstance.create(file, {
    memory_limit: `${memoryMb}MB`,
    // The house shares its cores with a broker and rules that must answer within milliseconds.
    threads: '1',
    temp_directory: spillDir,
    // Settling checkpoints when it is cheap; a checkpoint in between would write rows that move on anyway.
    checkpoint_threshold: '1GB',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  })
}

/** Runs statements one after the other; the result of the last is thrown away. */
export async function run(connection: DuckDBConnection, ...statements: readonly string[]): Promise<void> {
  for (const sql of statements) await connection.run(sql)
}

/** Runs `deed` between BEGIN and COMMIT; rolls back and rejects with its error when it fails. */
export async function inTransaction<T>(connection: DuckDBConnection, deed: () => Promise<T>): Promise<T> {
  await connection.run('BEGIN')
  try {
    const result = await deed()
    await connection.run('COMMIT')
    return result
  } catch (cause) {
    // A failed COMMIT has ended the transaction already: then ROLLBACK fails too, and the first error is the cause.
    await connection.run('ROLLBACK').catch(() => undefined)
    throw cause
  }
}

/** All rows of a query as numbers, row by row, `width` to a row. Every selected column must be DOUBLE. */
export async function numbers(connection: DuckDBConnection, sql: string): Promise<Float64Array<ArrayBuffer>> {
  const result = await connection.run(sql)
  const chunks = await result.fetchAllChunks()
  const width = result.columnCount
  const all = new Float64Array(chunks.reduce((rows, chunk) => rows + chunk.rowCount, 0) * width)
  let firstRow = 0
  for (const chunk of chunks) {
    for (let column = 0; column < width; column++) {
      const vector = chunk.getColumnVector(column)
      if (!(vector instanceof DuckDBDoubleVector)) throw new TypeError(`column ${column} is not DOUBLE: ${sql}`)
      for (let row = 0; row < chunk.rowCount; row++) {
        all[(firstRow + row) * width + column] = vector.getItem(row) ?? Number.NaN
      }
    }
    firstRow += chunk.rowCount
  }
  return all
}

/** The single number that a query gives. The selected column must be DOUBLE. */
export async function oneNumber(connection: DuckDBConnection, sql: string): Promise<number> {
  return (await numbers(connection, sql))[0] ?? Number.NaN
}

/** The one VARCHAR column that a query gives. */
export async function texts(connection: DuckDBConnection, sql: string): Promise<string[]> {
  const result = await connection.run(sql)
  const chunks = await result.fetchAllChunks()
  return chunks.flatMap(chunk => chunk.getColumnValues(0).map(String))
}

const columnTypes = [UINTEGER, BIGINT, BIGINT, DOUBLE, UTINYINT] as const
/** Most rows that a DuckDB chunk holds. */
const chunkRows = 2048

/** Appends columns to a table (k, t, lag, v, q). Within a transaction; blocks this thread meanwhile. */
export async function appendColumns(
  connection: DuckDBConnection,
  table: string,
  columns: ReadingColumns,
): Promise<void> {
  if (columns.key.length === 0) return
  const appender = await connection.createAppender(table)
  const chunk = DuckDBDataChunk.create(columnTypes)
  for (let from = 0; from < columns.key.length; from += chunkRows) {
    const slice = sliceColumns(columns, { from, to: Math.min(from + chunkRows, columns.key.length) })
    if (chunk.rowCount !== slice.key.length) chunk.rowCount = slice.key.length
    fillChunk(chunk, slice)
    appender.appendDataChunk(chunk)
  }
  appender.closeSync()
}

function fillChunk(chunk: DuckDBDataChunk, { key, at, lag, value, quality }: ReadingColumns): void {
  const [k, t, l, v, q] = [0, 1, 2, 3, 4].map(column => chunk.getColumnVector(column))
  if (
    !(k instanceof DuckDBUIntegerVector) ||
    !(t instanceof DuckDBBigIntVector) ||
    !(l instanceof DuckDBBigIntVector) ||
    !(v instanceof DuckDBDoubleVector) ||
    !(q instanceof DuckDBUTinyIntVector)
  ) {
    throw new TypeError('a chunk of readings has other vectors than its types say')
  }
  // The typed array under a vector is declared private, though not hidden; setItem would go value by value and make
  // a BigInt of every time: 20 times the CPU.
  k['items'].set(key)
  t['items'].set(at)
  l['items'].set(lag)
  v['items'].set(value)
  q['items'].set(quality)
  for (const vector of [k, t, l, v, q]) vector.flush()
}
