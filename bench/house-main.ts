/**
 * Forewarn as a process to be measured: the whole house on embedded parts, for the bench's district. Reads
 * `{gateways, probes, dataDir, rulesDir?}` as JSON on standard input; writes what a load needs; stops on SIGTERM.
 */
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { shipped } from '@forewarn/deploy/catalogue'
import { startHouse } from '@forewarn/deploy/house'
import { liveClock } from '@forewarn/runtime/clock'
import { openLog } from '@forewarn/runtime/log'
import { createMetrics } from '@forewarn/runtime/metrics'
import { z } from 'zod'
import { benchDistrict } from './bench-district.ts'

const Order = z.object({ gateways: z.number(), probes: z.number(), dataDir: z.string() })

for await (const line of createInterface({ input: process.stdin })) {
  const { gateways, probes, dataDir } = Order.parse(JSON.parse(line))
  const rulesDir = join(dataDir, 'bench-rules')
  await cp(shipped.rulesDir, rulesDir, { recursive: true })
  await cp(join(import.meta.dirname, 'rules', 'probe.yaml'), join(rulesDir, 'probe.yaml'))
  const metrics = createMetrics({ withProcess: true })
  const house = await startHouse({
    dataDir,
    rulesDir,
    metrics,
    host: '127.0.0.1',
    mqttPort: 0,
    httpPort: 0,
    district: benchDistrict({ gateways, probes }),
    mapLayers: { attribution: '', layers: [] },
    roadGraph: { nodes: [], edges: [] },
    mode: 'exercise',
    clock: liveClock(),
    log: openLog({ level: 'warn', file: join(dataDir, 'house.log') }),
    withEdgeAgent: false,
  })
  process.on(
    'SIGUSR2',
    () => void house.store.count().then(count => process.stdout.write(`${JSON.stringify({ count })}\n`)),
  )
  process.on('SIGTERM', () => void house.stop().then(() => process.exit(0)))
  const { mqttPort, consoleUrl, secrets } = house
  process.stdout.write(`${JSON.stringify({ mqttPort, consoleUrl, secrets })}\n`)
}
