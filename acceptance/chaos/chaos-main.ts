/**
 * `npm run chaos [-- --seed 1 --kills 100 --on embedded|servers|redis-journal]`: a run at full length, its report, and exit code
 * 1 when anything acknowledged was lost, doubled or warned of twice.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { isSound, reportLines } from './report.ts'
import { type ChaosReport, runChaos } from './run.ts'
import { backings } from './site.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    kills: { type: 'string', default: '100' },
    on: { type: 'string', default: 'servers' },
    'store-down': { type: 'string', default: '120' },
  },
})
const dir = await mkdtemp(join(tmpdir(), 'forewarn-chaos-'))
let report: ChaosReport
try {
  report = await runChaos({
    seed: Number(values.seed),
    kills: Number(values.kills),
    backing: backings.find(name => name === values.on) ?? 'servers',
    storeDownMs: Number(values['store-down']) * 1000,
    dir,
    onEvent: line => console.log(`${(performance.now() / 1000).toFixed(1).padStart(7)} s  ${line}`),
  })
} finally {
  await rm(dir, { recursive: true, force: true })
}
for (const line of reportLines(report)) console.log(line)
process.exit(isSound(report) ? 0 : 1)
