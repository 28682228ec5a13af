/**
 * The servers and the browser that tests run against, started by the tests themselves on free ports. On Debian and
 * Ubuntu, as root, what is missing is installed; elsewhere it is only named.
 */
import { existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { runQuietly } from './run.mjs'

const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/lib/chromium']
const inPath = program => folders.some(folder => existsSync(join(folder, program)))
const postgresDir = '/usr/lib/postgresql'

const wanted = [
  { apt: 'mosquitto', isThere: () => inPath('mosquitto') },
  { apt: 'mosquitto-clients', isThere: () => inPath('mosquitto_pub') },
  { apt: 'influxdb', isThere: () => inPath('influxd') },
  { apt: 'redis-server', isThere: () => inPath('redis-server') },
  {
    apt: 'postgresql',
    isThere: () =>
      inPath('postgres') ||
      (existsSync(postgresDir) &&
        readdirSync(postgresDir).some(version => existsSync(join(postgresDir, version, 'bin', 'postgres')))),
  },
  { apt: 'chromium', isThere: () => inPath('chromium') },
  { apt: 'fonts-noto-cjk', isThere: () => existsSync('/usr/share/fonts/opentype/noto') },
]

/** Installs the test servers that are missing. Resolves with a line of trouble, or undefined when all are there. */
export async function bringServers(say) {
  const missing = wanted.filter(({ isThere }) => !isThere()).map(({ apt }) => apt)
  if (missing.length === 0) return undefined
  const names = missing.join(', ')
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return `not installed here: ${names}`
  say(`installing what tests run against: ${names}`)
  const startMs = performance.now()
  // RUNLEVEL=1 keeps the packages from starting services: tests start their own.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  const update = await runQuietly('apt-get', ['update', '-q'], { env })
  const install = await runQuietly('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...missing], { env })
  if (install.code !== 0) return `apt-get could not install ${names}:\n${lastLines(update.said + install.said)}`
  say(`installed in ${((performance.now() - startMs) / 1000).toFixed(0)} s`)
  return undefined
}

const lastLines = text => text.trimEnd().split('\n').slice(-5).join('\n')
