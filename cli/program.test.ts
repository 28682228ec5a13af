import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'

const main = join(import.meta.dirname, 'main.ts')
const dataDir = mkdtempSync(join(tmpdir(), 'forewarn-cli-'))
afterAll(() => rmSync(dataDir, { recursive: true, force: true }))

interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs the program as a person would, in a process of its own. */
function forewarn(args: readonly string[], variables: Record<string, string> = {}): Promise<Ended> {
  const env = { ...process.env, FOREWARN_DATA_DIR: dataDir, ...variables }
  return new Promise(resolve => {
    const child = execFile(process.execPath, [main, ...args], { env }, (_error, out, err) =>
      resolve({ code: child.exitCode ?? -1, out, err }),
    )
  })
}

describe.concurrent('the program', () => {
  test('without a command shows help and ends well', async () => {
    const { code, out } = await forewarn([])
    expect(code).toBe(0)
    expect(out).toContain('Usage: forewarn')
    expect(out).toContain('Example:')
  })

  test.each([
    'start',
    'play',
    'publish',
    'gateway',
    'doctor',
    'settings',
    'rules check',
    'decode',
    'asyncapi',
    'quarantine list',
  ])('%s --help gives an example', async command => {
    const { code, out } = await forewarn([...command.split(' '), '--help'])
    expect(code).toBe(0)
    expect(out).toMatch(new RegExp(`Example:\n  .*forewarn ${command}`))
  })

  test('tells its version', async () => {
    expect((await forewarn(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/)
  })

  test('an unknown command ends with 2 and names the one that was meant', async () => {
    const { code, err } = await forewarn(['strat'])
    expect(code).toBe(2)
    expect(err).toContain('Did you mean start?')
  })

  test('an unknown flag ends with 2', async () => {
    const { code, err } = await forewarn(['doctor', '--jsno'])
    expect(code).toBe(2)
    expect(err).toContain('Did you mean --json?')
  })
})

describe.concurrent('settings', () => {
  test('a flag wins over a variable, a variable over the default', async () => {
    const { out } = await forewarn(['settings', '--json', '--mqtt-port', '2', '--open-console'], {
      FOREWARN_MQTT_PORT: '1',
      FOREWARN_HTTP_PORT: '3',
    })
    const lines = JSON.parse(out)
    expect(lines).toContainEqual(expect.objectContaining({ name: 'mqttPort', value: '2', source: 'flag' }))
    expect(lines).toContainEqual(expect.objectContaining({ name: 'httpPort', value: '3', source: 'variable' }))
    expect(lines).toContainEqual(expect.objectContaining({ name: 'openConsole', value: 'true', source: 'flag' }))
    expect(lines).toContainEqual(expect.objectContaining({ name: 'host', source: 'default' }))
  })

  test('a secret is never shown', async () => {
    const { out } = await forewarn(['settings'], { FOREWARN_INFLUX_TOKEN: 'do-not-show-me' })
    expect(out).toContain('(set)')
    expect(out).not.toContain('do-not-show-me')
  })

  test.each([
    [['settings', '--mqtt-port', '99999'], '--mqtt-port=99999'],
    [['start', '--speed', 'fast'], '--speed=fast'],
    [['doctor', '--log-level', 'loud'], '--log-level=loud'],
    [['play', 'nyc-d-016', '--speed', '0'], '--speed=0'],
  ])('%j ends with 2 and one line that names the value', async (args, named) => {
    const { code, err } = await forewarn(args)
    expect(code).toBe(2)
    expect(err).toContain(named)
    expect(err.trimEnd().split('\n')).toHaveLength(1)
  })

  test('a bad variable is named as a variable', async () => {
    const { code, err } = await forewarn(['settings'], { FOREWARN_HTTP_PORT: 'http' })
    expect(code).toBe(2)
    expect(err).toContain('FOREWARN_HTTP_PORT=http')
  })
})

describe.concurrent('doctor', () => {
  const free = ['--mqtt-port', '0', '--http-port', '0']

  test('reports the machine as JSON', async () => {
    const { out } = await forewarn(['doctor', '--json', ...free])
    const report = JSON.parse(out)
    expect(report.house).toBeNull()
    const names = report.sections[0].checks.map(({ name }: { name: string }) => name)
    expect(names).toEqual(expect.arrayContaining(['node', 'data-folder', 'disk-space', 'clock', 'mqtt-port']))
  })

  test('a taken port is trouble with a remedy', async () => {
    const server = createServer()
    const port = await new Promise<number>(resolve =>
      server.listen(0, '127.0.0.1', () => {
        const address = server.address()
        resolve(typeof address === 'object' && address !== null ? address.port : 0)
      }),
    )
    const { code, out } = await forewarn(['doctor', '--mqtt-port', String(port), '--http-port', '0'])
    server.close()
    expect(code).toBe(1)
    expect(out).toContain(`${port} is taken`)
    expect(out).toContain('choose another with --mqtt-port')
  })

  test('a data folder that cannot be made is trouble with a remedy', async () => {
    const file = join(dataDir, 'a-file')
    writeFileSync(file, '')
    const { code, out } = await forewarn(['doctor', ...free, '--data-dir', join(file, 'below')])
    expect(code).toBe(1)
    expect(out).toContain('choose another with --data-dir')
  })

  test('a server that is named and silent is trouble', async () => {
    const { code, out } = await forewarn(['doctor', ...free, '--redis-url', 'redis://127.0.0.1:1'])
    expect(code).toBe(1)
    expect(out).toContain('redis')
    expect(out).toContain('does not answer')
  })
})

describe.concurrent('what needs a house, a file or a number', () => {
  test('publish without a house says how to get one', async () => {
    const { code, err } = await forewarn(['publish', 'gauge-7', '0.28'])
    expect(code).toBe(2)
    expect(err).toContain('forewarn start')
  })

  test('publish takes only numbers', async () => {
    const { code, err } = await forewarn(['publish', 'gauge-7', 'deep'])
    expect(code).toBe(2)
    expect(err).toContain('deep is not a number')
  })

  test('play names a recording that is not there', async () => {
    const { code, err } = await forewarn(['play', 'no-such-storm'])
    expect(code).toBe(2)
    expect(err).toContain('no-such-storm')
  })

  test('play lists the shipped storms', async () => {
    const { code, out } = await forewarn(['play', '--list', '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(out)).toContainEqual(expect.objectContaining({ name: 'flat5p-d-056.sensor' }))
  })

  test('rules check ends with 1 and points at the line', async () => {
    const file = join(dataDir, 'bad.yaml')
    writeFileSync(file, 'rule: bad\nlevels: {}\n')
    const { code, out } = await forewarn(['rules', 'check', file])
    expect(code).toBe(1)
    expect(out).toMatch(/bad\.yaml:\d+:\d+: /)
  })
})
