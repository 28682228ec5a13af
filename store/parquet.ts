/**
 * From our CSV to Parquet, through DuckDB, within a memory limit.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'

/** Writes `parquet` (sensor VARCHAR, time TIMESTAMP in UTC, value, quality, count, min, max) from what csvLineOf wrote. */
export async function csvToParquet({
  csv,
  parquet,
}: {
  readonly csv: string
  readonly parquet: string
}): Promise<void> {
  const spill = await mkdtemp(join(tmpdir(), 'forewarn-parquet-'))
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: '512MB',
    threads: '1',
    temp_directory: spill,
    preserve_insertion_order: 'false',
    autoinstall_known_extensions: 'false',
  })
  try {
    const connection = await instance.connect()
    const columns = `{'sensor': 'VARCHAR', 'time': 'TIMESTAMP', 'value': 'DOUBLE', 'quality': 'UTINYINT', 'count': 'BIGINT',
      'min': 'DOUBLE', 'max': 'DOUBLE'}`
    await connection.run(`
      COPY (SELECT * FROM read_csv('${sqlText(csv)}', header = true, auto_detect = false, delim = ',', quote = '"',
        escape = '"', columns = ${columns}))
      TO '${sqlText(parquet)}' (FORMAT parquet, COMPRESSION zstd)`)
    connection.closeSync()
  } finally {
    instance.closeSync()
    await rm(spill, { recursive: true, force: true })
  }
}

function sqlText(text: string): string {
  return text.replaceAll("'", "''")
}
