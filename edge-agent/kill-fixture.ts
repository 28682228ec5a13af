/** For tests: an agent in a process of its own that can be killed. Prints where it listens. */
import { liveClock } from '@forewarn/runtime/clock'
import { silentLog } from '@forewarn/runtime/log'
import { createMetrics } from '@forewarn/runtime/metrics'
import { startEdgeAgent } from './start.ts'

const [brokerUrl = '', dataDir = ''] = process.argv.slice(2)
const agent = await startEdgeAgent({
  districtId: 'jingan',
  gateways: [{ id: 'gw-1', password: 'p' }],
  brokerUrl,
  dataDir,
  clock: liveClock(),
  log: silentLog(),
  metrics: createMetrics(),
  push: { host: '127.0.0.1', port: 0, token: 'push-token' },
})
process.stdout.write(`${agent.pushUrl}\n`)
