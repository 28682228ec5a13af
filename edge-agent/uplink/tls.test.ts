import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createServer, type TLSSocket } from 'node:tls'
import { liveClock } from '@forewarn/runtime/clock'
import type { Log } from '@forewarn/runtime/log'
import { createMetrics } from '@forewarn/runtime/metrics'
import { Aedes } from 'aedes'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../broker-fixture.ts'
import { startEdgeAgent } from '../start.ts'
import type { BrokerTls } from './tls-files.ts'

/** A certificate authority in `dir`, and a certificate of it for each name. */
function makeCertificates(dir: string, names: readonly string[]): void {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: dir, stdio: 'ignore' })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=authority')
  writeFileSync(join(dir, 'san'), 'subjectAltName=DNS:localhost,IP:127.0.0.1')
  for (const name of names) {
    openssl('req', ...key.slice(0, 5), '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`)
    const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'san']
    openssl('x509', '-req', '-in', `${name}.csr`, ...signed, '-out', `${name}.pem`)
  }
}

/** A broker that wants a certificate of the authority, and says who came. */
async function startTlsBroker(dir: string) {
  const read = (name: string) => readFileSync(join(dir, name))
  const aedes = await Aedes.createBroker({ concurrency: 0 })
  const came: string[] = []
  const arrived = new EventTarget()
  const options = { key: read('broker.key'), cert: read('broker.pem'), ca: read('ca.pem') }
  const server = createServer({ ...options, requestCert: true, rejectUnauthorized: true }, (socket: TLSSocket) => {
    came.push(String(socket.getPeerCertificate().subject.CN))
    arrived.dispatchEvent(new Event('came'))
    aedes.handle(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  return {
    url: `mqtts://127.0.0.1:${port}`,
    came,
    async until(count: number) {
      while (came.length < count) await once(arrived, 'came')
    },
    async [Symbol.asyncDispose]() {
      await new Promise<void>(resolve => aedes.close(() => resolve()))
      await new Promise<void>(resolve => server.close(() => resolve()))
    },
  }
}

/** An agent, and the lines of its log as they come. */
async function startAgent({ url, dir, tls }: { url: string; dir: string; tls: BrokerTls }) {
  const lines: string[] = []
  const logged = new EventTarget()
  const write = (event: string, facts?: object) => {
    lines.push(`${event} ${JSON.stringify(facts)}`)
    logged.dispatchEvent(new Event('line'))
  }
  const log: Log = { debug: write, info: write, warn: write, error: write, with: () => log }
  const agent = await startEdgeAgent({
    ...{ districtId: 'jingan', gateways: [{ id: 'gw-1', password: 'p' }], brokerUrl: url, tls },
    ...{ dataDir: join(dir, 'data'), clock: liveClock(), log, metrics: createMetrics() },
    push: { host: '127.0.0.1', port: 0, token: 'push-token' },
  })
  return {
    agent,
    async untilLogged(words: RegExp) {
      while (!lines.some(line => words.test(line))) await once(logged, 'line')
    },
  }
}

test('over TLS both sides show who they are, and a certificate that comes later needs no restart', async () => {
  using folder = temporaryFolder()
  const dir = folder.path
  makeCertificates(dir, ['broker', 'gw-1'])
  await using broker = await startTlsBroker(dir)
  const tls = { caFile: join(dir, 'ca.pem'), certFile: join(dir, 'mine.pem'), keyFile: join(dir, 'mine.key') }
  // Its certificate is not there yet: it says so and tries again.
  const { agent, untilLogged } = await startAgent({ url: broker.url, dir, tls })
  await untilLogged(/uplink-troubled.*mine\.pem/)
  for (const kind of ['pem', 'key']) copyFileSync(join(dir, `gw-1.${kind}`), join(dir, `mine.${kind}`))
  await broker.until(1)
  expect(broker.came).toEqual(['gw-1'])
  await untilLogged(/uplink-connected/)
  await agent.stop()
})

test('a broker that the authority does not vouch for is not spoken to', async () => {
  using folder = temporaryFolder()
  using strangers = temporaryFolder()
  makeCertificates(folder.path, ['broker', 'gw-1'])
  makeCertificates(strangers.path, ['gw-1'])
  await using broker = await startTlsBroker(folder.path)
  const tls = {
    caFile: join(strangers.path, 'ca.pem'),
    certFile: join(folder.path, 'gw-1.pem'),
    keyFile: join(folder.path, 'gw-1.key'),
  }
  const { agent, untilLogged } = await startAgent({ url: broker.url, dir: folder.path, tls })
  await untilLogged(/uplink-troubled.*(self-signed|unable to verify|certificate)/)
  expect(agent.status()).toMatchObject([{ connected: false }])
  await agent.stop()
})
