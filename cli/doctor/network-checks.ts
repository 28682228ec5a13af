/**
 * Ports that must be free before a house starts, and servers that must answer because the settings name them.
 */
import { connect } from 'node:net'
import type { Check } from '@forewarn/contracts/health'
import type { Settings } from '@forewarn/runtime/settings'
import { tryListen } from '../ports.ts'

/** The ports a house would take. `taken` by the running house itself is as it should be. */
export async function portChecks(settings: Settings, { houseRuns }: { houseRuns: boolean }): Promise<Check[]> {
  if (houseRuns) return []
  return Promise.all([
    portCheck({ name: 'mqtt-port', host: settings.host, port: settings.mqttPort, flag: '--mqtt-port' }),
    portCheck({ name: 'http-port', host: settings.host, port: settings.httpPort, flag: '--http-port' }),
  ])
}

interface Port {
  readonly name: string
  readonly host: string
  readonly port: number
  readonly flag: string
}

async function portCheck({ name, host, port, flag }: Port): Promise<Check> {
  if (port === 0) return { name, status: 'ok', detail: 'a free one is taken at start', remedy: '' }
  const trouble = await tryListen({ host, port })
  if (trouble === undefined) return { name, status: 'ok', detail: `${port} is free`, remedy: '' }
  const detail = trouble === 'EADDRINUSE' ? `${port} is taken` : `${host}:${port} cannot be used (${trouble})`
  return { name, status: 'failed', detail, remedy: `Stop what uses it, or choose another with ${flag}.` }
}

/** The servers that the settings name; none when everything is embedded. */
export async function serverChecks({ redisUrl, postgresUrl, influxUrl }: Settings): Promise<Check[]> {
  const named = [
    { name: 'redis', url: redisUrl, usualPort: 6379 },
    { name: 'postgresql', url: postgresUrl, usualPort: 5432 },
    { name: 'influxdb', url: influxUrl, usualPort: 8086 },
  ]
  const checks = named.map(({ name, url, usualPort }) =>
    url === undefined ? [] : [serverCheck({ name, url, usualPort })],
  )
  return Promise.all(checks.flat())
}

async function serverCheck({ name, url, usualPort }: { name: string; url: string; usualPort: number }): Promise<Check> {
  const remedy = `Check the address of ${name} in the settings, and that it runs.`
  if (!URL.canParse(url)) return { name, status: 'failed', detail: 'its address is no URL', remedy }
  const { hostname, port } = new URL(url)
  const address = { host: hostname, port: port === '' ? usualPort : Number(port) }
  const trouble = await tryConnect(address)
  const where = `${address.host}:${address.port}`
  if (trouble === undefined) return { name, status: 'ok', detail: `${where} answers`, remedy: '' }
  return { name, status: 'failed', detail: `${where} does not answer (${trouble})`, remedy }
}

const patienceMs = 3000

function tryConnect(address: { host: string; port: number }): Promise<string | undefined> {
  return new Promise(done => {
    const socket = connect(address)
    const end = (trouble: string | undefined) => {
      socket.destroy()
      done(trouble)
    }
    socket.setTimeout(patienceMs, () => end('no answer within 3 s'))
    socket.once('connect', () => end(undefined))
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message))
  })
}
