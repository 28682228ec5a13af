import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LedgerRow } from '@forewarn/contracts/ledger'
import type { SenmlReading } from '@forewarn/contracts/senml'
import { expect, test, vi } from 'vitest'
import { z } from 'zod'
import { connectGateway, readingsTopic, stream } from './gateway.ts'
import { startHouseProcess } from './house-process.ts'
import { depthOf, floodRule, smallDistrict, writeSmallHouse } from './small-district.ts'
import { waitFor } from './wait-for.ts'

vi.setConfig({ testTimeout: 180_000 })

const gateway = 'gw-busy'
const roads = Array.from({ length: 10 }, (_, index) => `road-${index + 1}`)
const main = join(import.meta.dirname, '..', 'cli', 'main.ts')

/** Runs the program as a person does; resolves with its exit code and what it said. */
function forewarn(...args: string[]): Promise<{ code: number; said: string }> {
  return new Promise(resolve => {
    execFile(process.execPath, [main, ...args], (error, out, err) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : 1, said: out + err })
    })
  })
}

/** One value a batch, the roads in turn: few enough of each that a chart shows them one by one. */
function batchesOf(count: number): Map<number, SenmlReading[]> {
  const beginMs = (Math.floor(Date.now() / 1000) - count) * 1000
  const one = (number: number) => {
    const name = depthOf(roads[number % roads.length] ?? '')
    return [{ name, timeMs: beginMs + number * 1000, value: (number % 97) / 1000 }]
  }
  return new Map(Array.from({ length: count }, (_, number) => [number, one(number)]))
}

const Verdict = z.object({ balanced: z.boolean(), rows: z.array(LedgerRow) })

/** Waits until store and rules have passed everything; then every stage has the same count, and `atLeast` readings. */
async function ledgerBalances(dataDir: string, atLeast: number): Promise<void> {
  const rows = await waitFor('a ledger without anything on its way', async () => {
    const { code, said } = await forewarn('ledger', '--data-dir', dataDir, '--json')
    if (code !== 0) throw new Error(said)
    const verdict = Verdict.parse(JSON.parse(said))
    const isDone = verdict.rows.every(
      row => row.stored + row.setAside === row.journalled && row.evaluated === row.journalled,
    )
    return verdict.balanced && isDone && verdict.rows.length > 0 ? verdict.rows : undefined
  })
  expect(rows.reduce((sum, row) => sum + row.journalled, 0)).toBeGreaterThanOrEqual(atLeast)
  for (const row of rows) expect(row.acknowledged + row.unconfirmed).toBe(row.journalled)
}

test('a house started on a backup has every reading acknowledged before it was begun, and its counts agree', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'forewarn-backup-'))
  const district = smallDistrict({ roads: { [gateway]: roads }, periodS: 86_400 })
  const files = await writeSmallHouse(dir, { district, rules: { flood: floodRule } })
  const passphraseFile = join(dir, 'passphrase')
  await writeFile(passphraseFile, 'eight characters at least\n')
  const backup = join(dir, 'backup.tar.gz')
  const first = await startHouseProcess({ dataDir: join(dir, 'data'), ...files })

  const batches = batchesOf(3500)
  const acknowledged: number[] = []
  let before: number[] = []
  let backingUp: ReturnType<typeof forewarn> | undefined
  const client = await connectGateway(first, gateway)
  await stream(client, {
    topic: readingsTopic(gateway),
    batches,
    onAcknowledged(number) {
      acknowledged.push(number)
      if (acknowledged.length !== 500) return
      before = [...acknowledged]
      const sealed = ['--passphrase-file', passphraseFile, '--district', files.districtFile]
      backingUp = forewarn('backup', '--data-dir', join(dir, 'data'), '--out', backup, ...sealed)
    },
  })
  const { code, said } = (await backingUp) ?? { code: -1, said: 'never begun' }
  expect(code, said).toBe(0)
  const password = first.passwordOf(gateway)
  await first.kill()

  const restored = await forewarn(
    'restore',
    backup,
    '--data-dir',
    join(dir, 'again'),
    '--passphrase-file',
    passphraseFile,
  )
  expect(restored.code, restored.said).toBe(0)
  const second = await startHouseProcess({ dataDir: join(dir, 'again'), ...files })
  expect(second.passwordOf(gateway)).toBe(password)
  for (const road of roads) {
    const wanted = before.flatMap(number => (batches.get(number) ?? []).filter(({ name }) => name === depthOf(road)))
    await waitFor(`every reading of ${road}`, async () => {
      const { values } = await second.series(depthOf(road))
      return wanted.every(({ timeMs, value }) => values.get(timeMs) === value) ? true : undefined
    })
  }
  await ledgerBalances(join(dir, 'again'), before.length)

  // Killed in mid-stream it counts on: nothing twice, nothing forgotten.
  let dying: Promise<void> | undefined
  let count = 0
  await stream(await connectGateway(second, gateway), {
    topic: readingsTopic(gateway),
    batches: batchesOf(2000),
    onAcknowledged() {
      count += 1
      if (count === 300) dying = second.kill()
    },
  })
  await dying
  const third = await startHouseProcess({ dataDir: join(dir, 'again'), ...files })
  await ledgerBalances(join(dir, 'again'), before.length + 300)
  await third.kill()
  await rm(dir, { recursive: true, force: true })
})
