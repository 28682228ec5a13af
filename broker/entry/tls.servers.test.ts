import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect as connectSocket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { installed } from '@forewarn/runtime/test-servers'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { startTestBroker, type TestBroker, whenConnected } from '../broker-fixture.ts'

/** The machine may be busy. */
const patiently = { timeout: 20_000 }

/** The commands of docs/SECURITY.md, block by block: what is written there must work. */
const document = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'SECURITY.md'), 'utf8')
const certificates = document.slice(document.indexOf('## Certificates'))
const [makeBroker = '', makeGateway = '', makeList = '', revoke = ''] = [
  ...certificates.matchAll(/```sh\n(.*?)```/gs),
].map(([, commands = '']) => commands)

let dir: string
let house: TestBroker
const clients: MqttClient[] = []
const path = (name: string) => join(dir, name)
const run = (commands: string) => execFileSync('sh', ['-ec', commands], { cwd: dir, stdio: 'pipe' })

describe.skipIf(installed('openssl') === undefined)('with certificates', () => {
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'forewarn-tls-'))
    run(makeBroker)
    run(makeGateway)
    run(makeGateway.replaceAll('gw-1', 'gw-2'))
    run(makeList)
    // Signed by nobody we know, with the right name.
    run(
      'openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=gw-1 -keyout self.key -out self.pem',
    )
    const uri = 'printf "subjectAltName=URI:urn:forewarn:gateway:gw-2" > uri.ext'
    const sign =
      'openssl x509 -req -in uri.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 1 -extfile uri.ext -out uri.pem'
    run(
      `${uri}\nopenssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=gw-1 -keyout uri.key -out uri.csr\n${sign}`,
    )
    const files = {
      certFile: path('broker.pem'),
      keyFile: path('broker.key'),
      caFile: path('ca.pem'),
      crlFile: path('crl.pem'),
    }
    house = await startTestBroker(
      { 'gw-1': {}, 'gw-2': { needsCertificate: true } },
      { tls: { ...files, port: 0, webSocketPort: 0 }, webSocketPort: 0 },
    )
  })
  afterEach(async () => {
    await Promise.all(clients.splice(0).map(client => client.endAsync(true)))
  })
  afterAll(async () => {
    await house.stop()
    rmSync(dir, { recursive: true, force: true })
  })

  function secure(options: IClientOptions = {}): MqttClient {
    const client = mqtt.connect(`mqtts://127.0.0.1:${house.broker.ports.tls}`, {
      ca: readFileSync(path('ca.pem')),
      clientId: 'gw-1',
      reconnectPeriod: 0,
      ...options,
    })
    clients.push(client)
    return client
  }
  const certificateOf = (name: string) => ({
    cert: readFileSync(path(`${name}.pem`)),
    key: readFileSync(path(`${name}.key`)),
  })
  const verdict = (client: MqttClient) =>
    whenConnected(client).then(
      () => 'let in',
      (error: Error) => ('code' in error && typeof error.code === 'number' ? error.code : 'closed'),
    )

  test('over TLS a password opens, and a certificate opens without one', async () => {
    expect(await verdict(secure({ username: 'gw-1', password: house.passwords.get('gw-1') ?? '' }))).toBe('let in')
    expect(await verdict(secure({ username: 'gw-1', password: 'wrong' }))).toBe(4)
    const gateway = await whenConnected(secure(certificateOf('gw-1')))
    await gateway.publishAsync('fw/1/jingan/gw-1/readings', '[]', { qos: 1 })
    expect(house.published).toMatchObject([{ gateway: 'gw-1' }])
  })

  test('a certificate is the identity: not another user, not another client id, and a URI in it goes before its name', async () => {
    const own = certificateOf('gw-1')
    expect(await verdict(secure({ ...own, username: 'gw-2', password: house.passwords.get('gw-2') ?? '' }))).toBe(5)
    expect(await verdict(secure({ ...own, clientId: 'gw-2' }))).toBe(2)
    expect(await verdict(secure({ ...certificateOf('uri'), clientId: 'gw-2' }))).toBe('let in')
    expect(await verdict(secure({ ...certificateOf('uri'), clientId: 'gw-1' }))).toBe(2)
  })

  test('a gateway that needs its certificate does not get in by password alone', async () => {
    const login = { username: 'gw-2', password: house.passwords.get('gw-2') ?? '', clientId: 'gw-2' }
    expect(await verdict(secure(login))).toBe(5)
    expect(await house.refusalOf('gw-2')).toBe(5)
    expect(await verdict(secure({ ...login, ...certificateOf('gw-2') }))).toBe('let in')
  })

  test('a certificate of its own making is cut off, whatever name it bears', async () => {
    expect(await verdict(secure(certificateOf('self')))).toBe('closed')
    expect(await house.metric('forewarn_broker_refused_total{reason="certificate-not-trusted"}')).toBe(1)
  })

  test('TLS 1.1 and older are not spoken', async () => {
    const socket = connectTls({
      port: house.broker.ports.tls ?? 0,
      ca: readFileSync(path('ca.pem')),
      host: '127.0.0.1',
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1',
    })
    const outcome = await new Promise(resolve => {
      socket.once('secureConnect', () => resolve('connected'))
      socket.once('error', () => resolve('refused'))
    })
    socket.destroy()
    expect(outcome).toBe('refused')
  })

  test('MQTT over WebSocket works, plain and secure, and only as the subprotocol mqtt', async () => {
    const { webSocket, secureWebSocket } = house.broker.ports
    const login = {
      username: 'gw-1',
      password: house.passwords.get('gw-1') ?? '',
      clientId: 'gw-1',
      reconnectPeriod: 0,
    }
    for (const url of [`ws://127.0.0.1:${webSocket}/mqtt`, `wss://127.0.0.1:${secureWebSocket}/mqtt`]) {
      const client = mqtt.connect(url, { ...login, ca: readFileSync(path('ca.pem')) })
      clients.push(client)
      await whenConnected(client)
      await client.publishAsync('fw/1/jingan/gw-1/readings', Buffer.alloc(100_000), { qos: 1 })
    }
    const certified = mqtt.connect(`wss://127.0.0.1:${secureWebSocket}/mqtt`, {
      clientId: 'gw-1',
      reconnectPeriod: 0,
      ca: readFileSync(path('ca.pem')),
      ...certificateOf('gw-1'),
    })
    clients.push(certified)
    expect(await verdict(certified)).toBe('let in')
    const other = new WebSocket(`ws://127.0.0.1:${webSocket}/mqtt`, 'chat')
    const refused = await new Promise(resolve => {
      other.addEventListener('open', () => resolve('open'))
      other.addEventListener('error', () => resolve('refused'))
    })
    expect(refused).toBe('refused')
  })

  test('a certificate taken back is refused once the list is read again, without a restart', async () => {
    const before = await whenConnected(secure(certificateOf('gw-1')))
    run(revoke)
    await house.broker.reloadCertificates()
    expect(before.connected).toBe(true)
    expect(await verdict(secure({ ...certificateOf('gw-1'), clientId: 'gw-1/again' }))).toBe('closed')
    expect(await verdict(secure({ ...certificateOf('gw-2'), clientId: 'gw-2' }))).toBe('let in')
  })

  test('a session that would be resumed is checked against the list too', async () => {
    const again = {
      port: house.broker.ports.tls ?? 0,
      host: '127.0.0.1',
      ca: readFileSync(path('ca.pem')),
      ...certificateOf('gw-2'),
    }
    const first = connectTls(again)
    const session = await new Promise<Buffer>(resolve => first.once('session', resolve))
    first.destroy()
    run(revoke.replaceAll('gw-1', 'gw-2'))
    const cutBefore = await house.metric('forewarn_broker_refused_total{reason="certificate-not-trusted"}')
    await house.broker.reloadCertificates()
    const second = connectTls({ ...again, session })
    let reused = false
    second.on('secureConnect', () => {
      reused = second.isSessionReused()
    })
    second.on('error', () => {}) // being cut off is what the test waits for
    await new Promise(resolve => second.once('close', resolve))
    expect(reused).toBe(false)
    expect(await house.metric('forewarn_broker_refused_total{reason="certificate-not-trusted"}')).toBe(cutBefore + 1)
  })

  test('a renewed certificate of the broker is shown without a restart', async () => {
    const shown = async () => {
      const socket = connectTls({
        port: house.broker.ports.tls ?? 0,
        host: '127.0.0.1',
        ca: readFileSync(path('ca.pem')),
      })
      await new Promise(resolve => socket.once('secureConnect', resolve))
      const { serialNumber } = socket.getPeerCertificate()
      socket.destroy()
      return serialNumber
    }
    const before = await shown()
    run(makeBroker.split('\n').slice(1).join('\n'))
    house.clock.advance(10_000)
    await expect.poll(shown, patiently).not.toBe(before)
  })

  test('a stranger who never finishes a handshake is cut off', async () => {
    const impatient = await startTestBroker(
      {},
      {
        limits: { handshakeTimeoutMs: 100 },
        tls: { certFile: path('broker.pem'), keyFile: path('broker.key'), port: 0 },
      },
    )
    const silent = connectSocket(impatient.broker.ports.tls ?? 0, '127.0.0.1')
    silent.on('error', () => {}) // a reset is one way of being cut off
    await new Promise(resolve => silent.once('close', resolve))
    await impatient.stop()
  })
})
