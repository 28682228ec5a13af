/**
 * `npm run bench -- connections`: what thousands of connections cost and what they can break. Memory of an idle one,
 * 10,000 at once; 5,000 that leave in one moment while others publish; one that stops reading what it is sent.
 * Flags: --gateways 5000 --idle 10000 --rate 50000
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { topicOf } from '@forewarn/contracts/topics'
import { dispatcherName } from '@forewarn/deploy/house-parts'
import { connectAsync } from 'mqtt'
import { connectPacket, publishPacket, subscribePacket, textField } from './mqtt-packets.ts'
import { residentMb } from './process-figures.ts'
import { load, type Side, startSide } from './sides.ts'
import { missingPrograms } from './stock-pipeline.ts'

const { values: flags } = parseArgs({
  options: {
    gateways: { type: 'string', default: '5000' },
    idle: { type: 'string', default: '10000' },
    rate: { type: 'string', default: '50000' },
  },
})
const gateways = Number(flags.gateways)
const idle = Number(flags.idle)
const rate = Number(flags.rate)

const gatewayId = (index: number) => `gw-${index % gateways}`

/** A client that is let in and says nothing; several of one gateway have ids of their own. */
async function enter(side: Side, index: number): Promise<Socket> {
  const name = gatewayId(index)
  const password = side.passwordOf(name)
  const socket = connect({ host: '127.0.0.1', port: side.mqttPort, noDelay: true })
  socket.on('error', () => {}) // told by 'close'
  await once(socket, 'connect')
  socket.write(connectPacket({ id: `${name}/${index}`, username: password === '' ? '' : name, password }))
  const [connack] = await once(socket, 'data')
  if (!Buffer.isBuffer(connack) || connack[3] !== 0) throw new Error(`client ${index} was refused`)
  return socket
}

async function enterAll(side: Side, count: number): Promise<Socket[]> {
  const sockets: Socket[] = []
  for (let at = 0; at < count; at += 200) {
    const some = Array.from({ length: Math.min(200, count - at) }, (_, index) => enter(side, at + index))
    sockets.push(...(await Promise.all(some)))
  }
  return sockets
}

async function idleConnections(side: Side) {
  const pid = side.stock?.mosquittoPid ?? side.pids()[0] ?? 0
  // Twice: the first time makes what stays, and caches passwords.
  for (const socket of await enterAll(side, Math.min(1000, idle))) socket.destroy()
  await wait(3000)
  const beforeMb = await residentMb(pid)
  const startMs = performance.now()
  const sockets = await enterAll(side, idle)
  const connectS = (performance.now() - startMs) / 1000
  await wait(5000)
  const afterMb = await residentMb(pid)
  const open = sockets.filter(socket => !socket.destroyed).length
  for (const socket of sockets) socket.destroy()
  return {
    side: side.name,
    'open of them': `${open} of ${idle}`,
    'connected in s': Number(connectS.toFixed(1)),
    'kB a connection': Number((((afterMb - beforeMb) * 1000) / idle).toFixed(1)),
  }
}

/** Publishes one reading after the other, each when the last was acknowledged; the longest wait. */
function bystander(side: Side): { stop(): Promise<{ published: number; longestMs: number }> } {
  let going = true
  const run = async () => {
    const name = gatewayId(gateways - 1)
    const socket = await enter(side, 20 * gateways + gateways - 1)
    const topic = textField(topicOf({ district: 'bench', gateway: name, channel: 'readings' }))
    let published = 0
    let longestMs = 0
    while (going) {
      const sensor = `s${(gateways - 1) * 100}`
      const payload = Buffer.from(`[{"n":"${sensor}","v":1}]`)
      const startMs = performance.now()
      socket.write(publishPacket(topic, (published++ % 60_000) + 1, [payload]))
      await once(socket, 'data')
      longestMs = Math.max(longestMs, performance.now() - startMs)
      await wait(20)
    }
    socket.destroy()
    return { published, longestMs }
  }
  const running = run()
  return {
    stop() {
      going = false
      return running
    },
  }
}

/** Is alive: a client that comes now is let in, and its reading is acknowledged. */
async function answers(side: Side): Promise<boolean> {
  const watch = bystander(side)
  await wait(500)
  return (await watch.stop()).published > 0
}

/** Five thousand leave in one moment while the others publish. */
async function massDisconnect(side: Side) {
  const crowd = await enterAll(side, Math.min(5000, gateways))
  const watch = bystander(side)
  const loading = load(side, {
    format: 'senml',
    readingsPerBatch: 100,
    readingsPerSecond: rate,
    seconds: 6,
    connections: Math.min(500, gateways),
  })
  await wait(4000)
  for (const socket of crowd) socket.resetAndDestroy()
  const { acknowledgedReadings, sentReadings, pubackP99Ms, pubackMaxMs } = await loading
  const { longestMs } = await watch.stop()
  return {
    what: `${crowd.length} leave at once`,
    side: side.name,
    'acknowledged of sent': `${acknowledgedReadings} of ${sentReadings}`,
    'PUBACK p99 ms': Math.round(pubackP99Ms),
    'max ms': Math.round(pubackMaxMs),
    'bystander longest ms': Math.round(longestMs),
    'still answers': await answers(side),
  }
}

/** One vehicle stops reading its orders, and four thousand of them come for it. */
async function frozenSubscriber(side: Side) {
  const frozen = await enter(side, 0)
  const topic = topicOf({ district: 'bench', gateway: gatewayId(0), channel: 'orders' })
  frozen.write(subscribePacket(1, topic))
  await once(frozen, 'data')
  frozen.pause()
  const { house } = side
  const dispatcher = await connectAsync(`mqtt://127.0.0.1:${side.mqttPort}`, {
    clientId: `${dispatcherName}/bench`,
    ...(house === undefined ? {} : { username: dispatcherName, password: house.secrets.dispatcher.password }),
  })
  const watch = bystander(side)
  const loading = load(side, {
    format: 'senml',
    readingsPerBatch: 100,
    readingsPerSecond: rate,
    seconds: 6,
    connections: Math.min(500, gateways),
  })
  await wait(3000)
  const order = Buffer.alloc(4000, 'x')
  for (let at = 0; at < 4000; at++) dispatcher.publish(topic, order, { qos: 0 })
  const { acknowledgedReadings, sentReadings, pubackP99Ms, pubackMaxMs } = await loading
  const { longestMs } = await watch.stop()
  await dispatcher.endAsync(true)
  frozen.destroy()
  return {
    what: 'one subscriber frozen',
    side: side.name,
    'acknowledged of sent': `${acknowledgedReadings} of ${sentReadings}`,
    'PUBACK p99 ms': Math.round(pubackP99Ms),
    'max ms': Math.round(pubackMaxMs),
    'bystander longest ms': Math.round(longestMs),
    'still answers': await answers(side),
  }
}

const missing = await missingPrograms()
const idleRows: Awaited<ReturnType<typeof idleConnections>>[] = []
const faultRows: Awaited<ReturnType<typeof massDisconnect>>[] = []
for (const name of ['Forewarn, embedded', 'stock, InfluxDB'] as const) {
  if (name !== 'Forewarn, embedded' && missing.length > 0) continue
  const side = await startSide(name, gateways)
  idleRows.push(await idleConnections(side))
  faultRows.push(await massDisconnect(side), await frozenSubscriber(side))
  await side.stop()
}
console.table(idleRows)
console.table(faultRows)
process.exit(0)
