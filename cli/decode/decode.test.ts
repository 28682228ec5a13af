import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { loadDecoder, protocolNames } from '@forewarn/protocols/decoders'
import { frameOf, type VectorRow, vectorRows } from '@forewarn/protocols/vectors/check-vectors'
import { describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'

const main = join(import.meta.dirname, '..', 'main.ts')
const Verdict = z.object({
  ok: z.boolean(),
  records: z.array(z.unknown()),
  error: z.string().optional(),
  expect: z.string(),
})

/** The command in a process of its own, as a person or a test bench runs it. */
function start(args: readonly string[]): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, [main, 'decode', ...args])
}

async function run(args: readonly string[], input: string | Uint8Array) {
  const child = start(args)
  const ended = once(child, 'close')
  child.stdin.end(input)
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
  await ended
  return { code: child.exitCode, out, err }
}

async function verdicts(args: readonly string[], lines: readonly (string | Uint8Array)[]) {
  const end = Buffer.from('\n')
  const { code, out, err } = await run(args, Buffer.concat(lines.flatMap(line => [Buffer.from(line), end])))
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return out
    .split('\n')
    .slice(0, -1)
    .map(line => Verdict.parse(JSON.parse(line)))
}

/** The row's frame as a bare line, where a bare line can say all of it. */
function bareLine({ hex, hexList, text: written, base64, json, ...row }: VectorRow): string | undefined {
  const context = row.topic ?? row.name ?? row.element ?? row.defaultTime
  if (context !== undefined) return undefined
  return (
    hex ??
    hexList?.join(',') ??
    written?.replaceAll('\r', '\\r').replaceAll('\n', '\\n') ??
    base64 ??
    JSON.stringify(json)
  )
}

const garbage: readonly (string | Uint8Array)[] = [
  '?',
  ' ',
  '{',
  'null',
  '[]',
  '{}',
  '00',
  Buffer.from([0xff, 0xfe, 0x00, 0x80]),
  'x'.repeat(100_000),
  '00'.repeat(50_000),
  '['.repeat(10_000),
]

const files = readdirSync(join(import.meta.dirname, '..', '..', 'protocols', 'vectors'))
  .filter(file => file.endsWith('.json'))
  .map(file => file.replace('.json', ''))

describe.concurrent('every published frame, through the command', { timeout: 120_000 }, () => {
  test.each(files)('%s', async file => {
    const rows = vectorRows(file)
    const bare = rows.flatMap(row => {
      const line = bareLine(row)
      return line === undefined ? [] : [{ row, line }]
    })
    const lines = [...rows.map(row => JSON.stringify(row)), ...bare.map(({ line }) => line), ...garbage]
    const answers = await verdicts([file.replaceAll('-', '_')], lines)
    expect(answers).toHaveLength(lines.length)
    const decoder = await loadDecoder(file)
    for (const [index, row] of [...rows, ...bare.map(({ row }) => row)].entries()) {
      const answer = answers[index]
      expect({ id: row.id, expect: answer?.expect }).toEqual({ id: row.id, expect: row.expect })
      // What came out is what the decoder says of the same frame; that this is right the decoder's own tests show.
      const decoded = index < rows.length ? decoder?.decode({ receivedAtMs: 0, ...frameOf(row) }) : undefined
      if (decoded !== undefined) expect(withoutTimes(answer?.records)).toEqual(withoutTimes(decoded.records))
    }
  })
})

/** Where a frame has no time of its own, the command takes the time of arrival. */
function withoutTimes(records: unknown): unknown {
  const json = JSON.stringify(records, (key, value: unknown) =>
    key === 't' || typeof value === 'bigint' ? String(value).slice(0, 0) : value,
  )
  return JSON.parse(json)
}

describe.concurrent('the command', { timeout: 120_000 }, () => {
  test('answers each line at once, while its input stays open', async () => {
    const child = start(['senml'])
    child.stdin.write('[{"n":"a","t":1700000000,"v":1}]\n')
    const [answer] = await once(child.stdout, 'data')
    expect(JSON.parse(String(answer))).toEqual({
      ok: true,
      records: [{ resolved: [{ n: 'a', t: 1700000000, v: 1 }] }],
      expect: 'accept',
    })
    child.stdin.end()
    await once(child, 'close')
  })

  test('takes a line of 10 MB, and refuses one of 17 MB without keeping it', async () => {
    const answers = await verdicts(
      ['line-protocol-decode'],
      [`cpu v="${'x'.repeat(10_000_000)}" 1`, 'y'.repeat(17_000_000), 'cpu v=1 1'],
    )
    expect(answers.map(({ ok }) => ok)).toEqual([true, false, true])
    expect(answers[1]?.error).toContain('longer than')
  })

  test('waits when nobody reads its answers', async () => {
    const child = start(['tracecontext'])
    const line = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01\n`
    const lines = 50_000
    child.stdout.pause()
    child.stdin.write(line.repeat(lines))
    // The pipes and the buffers on the way hold far less than all that was written: the rest waits on our side.
    expect(child.stdin.writableLength).toBeGreaterThan(line.length * lines * 0.5)
    const ended = once(child, 'close')
    child.stdin.end()
    const out = await text(child.stdout)
    await ended
    expect(out.split('\n')).toHaveLength(lines + 1)
  })

  test('takes hex in every spelling, and base64', async () => {
    const rows = vectorRows('jt808').filter(({ hex }) => hex !== undefined)
    const spelt: readonly ((hex: string) => string)[] = [
      hex => hex.toLowerCase(),
      hex => hex.replaceAll(/../g, '$& '),
      hex => hex.replaceAll(/../g, '0x$& '),
      hex => Buffer.from(hex, 'hex').toString('base64'),
    ]
    const lines = spelt.flatMap(spell => rows.map(({ hex = '' }) => spell(hex)))
    const wanted = spelt.flatMap(() => rows.map(({ expect: verdict }) => verdict))
    expect((await verdicts(['jt808'], lines)).map(({ expect: verdict }) => verdict)).toEqual(wanted)
  })

  test('names the protocols when it does not know one, and ends with 2', async () => {
    const unknown = await run(['morse'], '')
    expect(unknown).toMatchObject({ code: 2, out: '' })
    for (const name of protocolNames) expect(unknown.err).toContain(name)
    expect((await run([], '')).code).toBe(2)
  })

  test('lists the protocols with their standards', async () => {
    const { code, out } = await run(['--list'], '')
    expect(code).toBe(0)
    expect(out.split('\n').slice(0, -1)).toHaveLength(protocolNames.length)
    expect(out).toMatch(/^senml +RFC 8428/m)
  })

  test('takes what the lines do not say from its options, and prints for people', async () => {
    const topic = await run(['zigbee2mqtt', '--topic', 'zigbee2mqtt/plug', '--format', 'text'], '{"power":3}\n')
    expect(topic.out).toMatch(/^accept\n[\s\S]*"device": "plug"[\s\S]*"power": 3/)
    const times = await verdicts(
      ['line-protocol-decode', '--precision', 's', '--default-time', '5000000001'],
      ['a v=1'],
    )
    expect(times[0]?.records).toMatchObject([{ points: [{ time: '5000000000' }] }])
    const kind = await verdicts(['cap', '--kind', 'circle'], ['31.2,121.4 1'])
    expect(kind[0]?.ok).toBe(true)
    const received = await verdicts(['senml', '--received-at', '2026-07-20T15:00:00Z'], ['[{"n":"a","v":1}]'])
    expect(received[0]?.records).toMatchObject([{ resolved: [{ t: Date.UTC(2026, 6, 20, 15) / 1000 }] }])
  })

  test('reads plain JSON by a mapping file, and says what is wrong in one', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'forewarn-mapping-'))
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
    const file = join(dir, 'mapping.yaml')
    const value = '{ path: depth, sensor: "{box}.level", scale: 0.01 }'
    writeFileSync(file, `mappings:\n  - name: boxes\n    topic: box/{box}\n    values: [${value}]\n`)
    const mapped = await verdicts(['json', '--mapping', file, '--topic', 'box/tidal-04'], ['{"depth":28}'])
    expect(mapped[0]?.records).toMatchObject([{ sensor: 'tidal-04.level', value: 0.28 }])
    writeFileSync(file, 'mappings:\n  - name: boxes\n    topik: box\n    values: []\n')
    const wrong = await run(['json', '--mapping', file], '')
    expect(wrong).toMatchObject({ code: 2, err: expect.stringContaining(`${file}:3 mappings[0].topik`) })
  })

  test('has a decoder for every file of published frames', () => {
    expect(files.filter(file => !protocolNames.includes(file))).toEqual([])
    expect(existsSync(main)).toBe(true)
  })
})
