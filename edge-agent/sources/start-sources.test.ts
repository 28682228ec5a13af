import { copyFileSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { SenmlReading } from '@forewarn/contracts/senml'
import { writeHj212 } from '@forewarn/protocols/hj212/frame'
import { type Clock, handClock, liveClock } from '@forewarn/runtime/clock'
import type { Log } from '@forewarn/runtime/log'
import { createMetrics } from '@forewarn/runtime/metrics'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../broker-fixture.ts'
import { kindNames } from './kinds.ts'
import { readProfile } from './profiles.ts'
import { connectDevice, type Device } from './source-fixture.ts'
import { openSources, type Sources } from './start-sources.ts'

function profile({ port = 0, gateway = 'gw-1', sensor = 'noise-1' } = {}): string {
  return `source: hj212
gateway: ${gateway}
listen: { port: ${port} }
devices:
  - mn: "A1"
    sensors: [{ factor: LA, sensor: ${sensor} }]
`
}

interface Started extends AsyncDisposable {
  readonly sources: Sources
  readonly folder: string
  readonly dataDir: string
  readonly taken: SenmlReading[]
  write(file: string, text: string): void
  /** Resolves at the next line of the log with that event. */
  logged(event: string): Promise<Record<string, unknown>>
  /** A device of the profile, connected to its port. */
  device(file: string): Promise<Device>
}

async function start(files: Record<string, string> = {}, clock: Clock = liveClock()): Promise<Started> {
  const temporary = temporaryFolder()
  const [folder, dataDir] = [join(temporary.path, 'profiles'), join(temporary.path, 'data')]
  const write = (file: string, text: string) => writeFileSync(join(folder, file), text)
  mkdirSync(folder)
  for (const [file, text] of Object.entries(files)) write(file, text)
  const { log, logged } = listenedLog()
  const taken: SenmlReading[] = []
  const sources = openSources({
    profilesDir: folder,
    dataDir,
    gateways: ['gw-1', 'gw-2'],
    clock,
    log,
    metrics: createMetrics(),
  })
  await sources.begin((_gateway, readings) => Promise.resolve(void taken.push(...readings)))
  const device = (file: string) => {
    const listensAt = sources.status().find(status => status.file === file)?.status.listensAt
    return connectDevice(Number(listensAt?.split(':').at(-1)))
  }
  const stop = async () => {
    await sources.stop()
    temporary[Symbol.dispose]()
  }
  return { sources, folder, dataDir, taken, write, logged, device, [Symbol.asyncDispose]: stop }
}

function listenedLog() {
  const waiting: { event: string; resolve: (facts: Record<string, unknown>) => void }[] = []
  const line = (event: string, facts: Record<string, unknown> = {}) => {
    for (const one of waiting.filter(wanted => wanted.event === event)) one.resolve(facts)
  }
  const log: Log = { debug: line, info: line, warn: line, error: line, with: () => log }
  const logged = (event: string) => new Promise<Record<string, unknown>>(resolve => waiting.push({ event, resolve }))
  return { log, logged }
}

const packet = writeHj212(
  'QN=20261122110001000;ST=22;CN=2011;PW=1;MN=A1;Flag=5;CP=&&DataTime=20261122110000;LA-Rtd=52&&',
  'annex-a',
)

async function speaks(device: Device): Promise<void> {
  device.send(packet)
  await device.heard(1)
}

describe('the folder of profiles', () => {
  test('each file is a source of its own', async () => {
    await using started = await start({ 'a.yaml': profile(), 'b.yml': profile({ gateway: 'gw-2', sensor: 'noise-2' }) })
    await speaks(await started.device('a.yaml'))
    await speaks(await started.device('b.yml'))
    expect(started.taken.map(({ name }) => name)).toEqual(['noise-1', 'noise-2'])
    expect(started.sources.status()).toMatchObject([
      { file: 'a.yaml', kind: 'hj212', gateway: 'gw-1', status: { state: 'running' } },
      { file: 'b.yml', kind: 'hj212', gateway: 'gw-2', status: { state: 'running' } },
    ])
  })

  test('a changed file restarts its own source and no other', async () => {
    await using started = await start({ 'a.yaml': profile(), 'b.yaml': profile({ sensor: 'noise-2' }) })
    const [a, b] = [await started.device('a.yaml'), await started.device('b.yaml')]
    const restarted = started.logged('source-restarted')
    started.write('a.yaml', profile({ sensor: 'noise-9' }))
    expect(await restarted).toMatchObject({ file: 'a.yaml' })
    await a.closed
    await speaks(b)
    await speaks(await started.device('a.yaml'))
    expect(started.taken.map(({ name }) => name)).toEqual(['noise-2', 'noise-9'])
  })

  test('a file that came is started, one that went is ended', async () => {
    await using started = await start()
    const begun = started.logged('source-started')
    started.write('a.yaml', profile())
    await begun
    const device = await started.device('a.yaml')
    const ended = started.logged('source-ended')
    rmSync(join(started.folder, 'a.yaml'))
    await ended
    await device.closed
    expect(started.sources.status()).toEqual([])
  })

  test('a broken file leaves the source it had running, and says so', async () => {
    await using started = await start({ 'a.yaml': profile() })
    const device = await started.device('a.yaml')
    const broken = started.logged('profile-broken')
    started.write('a.yaml', profile().replace('listen', 'lissen'))
    expect(await broken).toMatchObject({ file: 'a.yaml', stillRunning: true })
    await speaks(device)
    expect(started.taken).toHaveLength(1)
    expect(started.sources.status()).toMatchObject([
      { status: { state: 'running' }, broken: expect.arrayContaining([expect.stringMatching(/^a.yaml:3: .*lissen/)]) },
    ])
    const restarted = started.logged('source-restarted')
    started.write('a.yaml', profile({ sensor: 'mended' }))
    await restarted
    expect(started.sources.status()[0]).not.toHaveProperty('broken')
  })

  test('a file that is half written is taken up when it is whole', async () => {
    await using started = await start()
    const broken = started.logged('profile-broken')
    started.write('a.yaml', profile().slice(0, 30))
    await broken
    const begun = started.logged('source-started')
    started.write('.a.tmp', profile())
    renameSync(join(started.folder, '.a.tmp'), join(started.folder, 'a.yaml'))
    await begun
    expect(started.sources.status()).toMatchObject([{ status: { state: 'waiting' } }])
  })

  test('a gateway that is none of this agent’s is told with those that are', async () => {
    await using started = await start({ 'a.yaml': profile({ gateway: 'gw-9' }) })
    expect(started.sources.status()).toMatchObject([
      { status: { state: 'troubled' }, broken: [expect.stringMatching(/gw-9.*gw-1, gw-2/)] },
    ])
  })

  test('a port that is taken is tried again until it is free', async () => {
    const other = createServer()
    await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve))
    const address = other.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const clock = handClock(Date.UTC(2026, 10, 22))
    await using started = await start({ 'a.yaml': profile({ port }) }, clock)
    expect(started.sources.status()).toMatchObject([
      { status: { state: 'troubled', trouble: expect.stringMatching(/listen on 127.0.0.1:\d+: .*EADDRINUSE/) } },
    ])
    await new Promise(resolve => other.close(resolve))
    clock.advance(30_000)
    await speaks(await connectDevice(port))
    expect(started.taken).toHaveLength(1)
  })
})

describe('what sources refuse', () => {
  test('is counted, and kept in a file that a person can read', async () => {
    await using started = await start({ 'a.yaml': profile() })
    const device = await started.device('a.yaml')
    device.send('noise##0005')
    device.send(packet)
    await device.heard(1)
    await started.sources.stop()
    expect(started.sources.refused()).toEqual({ 'no-packet': 1 })
    const lines = readFileSync(join(started.dataDir, 'refused.jsonl'), 'utf8').trim().split('\n')
    expect(lines.map(line => JSON.parse(line))).toMatchObject([
      {
        source: 'a.yaml',
        reason: 'no-packet',
        detail: expect.stringMatching(/begins with ##/),
        hex: Buffer.from('noise##0005').toString('hex').toUpperCase(),
      },
    ])
  })
})

describe('profiles from afar', () => {
  const sl651 = (allow: string) => `source: sl651
gateway: gw-1
listen: { port: 0 }
stations:
  - { station: "0012345678", allow: [${allow}], sensors: [{ read: Z, sensor: depth-1 }] }
`

  test('take the place of a file of the same name, and give it back', async () => {
    await using started = await start({ 'a.yaml': profile() })
    const steering = started.sources.steering('gw-1')
    await steering.configure({ profiles: { 'a.yaml': profile({ sensor: 'from-afar' }) } })
    await speaks(await started.device('a.yaml'))
    await steering.configure({})
    await speaks(await started.device('a.yaml'))
    expect(started.taken.map(({ name }) => name)).toEqual(['from-afar', 'noise-1'])
  })

  test.each([
    ['a broken one', { 'b.yaml': 'source: hj212' }, /b\.yaml:1: .*gateway/],
    ['one for another gateway', { 'b.yaml': profile({ gateway: 'gw-2' }) }, /cannot speak for gw-2/],
    ['one that could switch pumps', { 'b.yaml': sl651('"4C"') }, /function 4C of station 0012345678/],
  ])('%s is refused, and nothing changes', async (_, profiles, sentence) => {
    await using started = await start({ 'a.yaml': profile() })
    await expect(started.sources.steering('gw-1').configure({ profiles })).rejects.toThrow(sentence)
    expect(started.sources.status().map(({ file }) => file)).toEqual(['a.yaml'])
  })

  test('one that changes nothing at its devices runs', async () => {
    await using started = await start()
    await started.sources.steering('gw-1').configure({ profiles: { 'b.yaml': sl651('') } })
    expect(started.sources.status()).toMatchObject([{ file: 'b.yaml', kind: 'sl651', status: { state: 'waiting' } }])
  })
})

describe('mistakes in a profile are told with line and remedy', () => {
  test.each([
    ['no YAML', 'source: [hj212', /^a\.yaml:1: no YAML/],
    ['no list of fields', '- a', /a profile is a list of fields/],
    ['no kind', 'gateway: gw-1', /"source" must name a kind of source; the kinds of source are .*hj212.*sl651/],
    ['an unknown kind', 'gateway: gw-1\nsource: sl65l', /^a\.yaml:2: source: there is none called "sl65l"; the kinds/],
    [
      'a field too many',
      profile().replace('devices', 'every: 5 min\ndevices'),
      /^a\.yaml:4: there is no field "every" here/,
    ],
    ['a field missing', profile().replace(/listen.*\n/, ''), /^a\.yaml:1: listen: is missing \(object\)/],
    ['a wrong type', profile().replace('port: 0', 'port: yes'), /^a\.yaml:3: listen\.port: expected number/],
    ['digits without quotes', profile().replace('"A1"', '0012'), /^a\.yaml:5: devices\.0\.mn: write the MN in quotes/],
    ['a bad sensor id', profile().replace('noise-1', '"noise 1"'), /^a\.yaml:6: devices\.0\.sensors\.0\.sensor: /],
  ])('%s', async (_, text, sentence) => {
    const read = await readProfile('a.yaml', text)
    const troubles =
      'troubles' in read ? read.troubles.map(({ file, line, sentence: said }) => `${file}:${line}: ${said}`) : []
    expect(troubles.join('\n')).toMatch(sentence)
  })
})

describe('the examples', () => {
  const folder = join(import.meta.dirname, 'examples')
  const examples = readdirSync(folder)

  test('there is one for every kind of source', async () => {
    const kinds = await Promise.all(examples.map(async file => (await readExample(file)).kind))
    expect(new Set(kinds)).toEqual(new Set(kindNames))
  })

  test.each(examples)('%s is a profile', async file => {
    expect((await readExample(file)).sensors.length).toBeGreaterThan(0)
  })

  test.each(['sl651.yaml', 'hj212.yaml', 'szy206.yaml'])('%s starts', async file => {
    await using started = await start()
    copyFileSync(join(folder, file), join(started.folder, file))
    const text = readFileSync(join(folder, file), 'utf8')
    started.write(
      file,
      text
        .replace(/port: \d+/, 'port: 0')
        .replace('0.0.0.0', '127.0.0.1')
        .replace(/gateway: .*/, 'gateway: gw-1'),
    )
    await started.sources.rescan()
    expect(started.sources.status()).toMatchObject([{ file, status: { state: 'waiting' } }])
  })

  async function readExample(file: string) {
    const read = await readProfile(file, readFileSync(join(folder, file), 'utf8'))
    if ('troubles' in read) throw new Error(JSON.stringify(read.troubles))
    return read.prepared
  }
})
