/**
 * Runs recorded storms through the rules and writes warnings and probabilities for a score program, as JSON lines:
 *   node rules/forecast/hindcast-main.ts --rules rules/catalogue --model rules/models/rain-to-depth.json --out folder truth=sensor …
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { loadRules } from '../load-rules.ts'
import { hindcast, type Tier, warningLines } from './hindcast.ts'
import { readModelFile } from './model-file.ts'
import { readStorms } from './recordings.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rules: { type: 'string', default: 'rules/catalogue' },
    model: { type: 'string', default: 'rules/models/rain-to-depth.json' },
    out: { type: 'string', default: 'hindcast' },
    closed: { type: 'string', default: '0.27' },
  },
})

const limits = { flooded: 0.15, closed: Number(values.closed), danger: 0.4 }
const { rules } = loadRules(values.rules)
const model = readModelFile(values.model)
const warnings: Record<Tier, string[]> = { yellow: [], orange: [] }
const probabilities: string[] = []
const outcomes = new Map<string, number>()
let minutes = 0
const started = performance.now()

for (const pair of positionals) {
  const [truthFile, sensorFile] = pair.split('=')
  if (truthFile === undefined || sensorFile === undefined) throw new Error(`${pair}: give truth=sensor`)
  for (const storm of readStorms({ truthFile, sensorFile })) {
    const result = hindcast(storm, {
      rules: rules.filter(({ hazard }) => hazard === 'waterlogging'),
      model,
      limits,
      probabilityLimitM: limits.flooded,
      probabilityWithinMin: 30,
    })
    minutes += storm.rainMmPerHour.length
    for (const tier of ['yellow', 'orange'] as const) {
      warnings[tier].push(...warningLines(result.events, tier, limits.flooded).map(line => JSON.stringify(line)))
    }
    probabilities.push(
      ...result.probabilities.map(({ placeId, issuedAtMs, probability }) =>
        JSON.stringify({
          site: placeId,
          level: limits.flooded,
          issued_at: issuedAtMs,
          horizon_min: 30,
          probability,
        }),
      ),
    )
    for (const event of result.events) {
      if (event.kind === 'verified') outcomes.set(event.outcome, (outcomes.get(event.outcome) ?? 0) + 1)
    }
  }
}

mkdirSync(values.out, { recursive: true })
writeFileSync(join(values.out, 'warnings-yellow.jsonl'), `${warnings.yellow.join('\n')}\n`)
writeFileSync(join(values.out, 'warnings-orange.jsonl'), `${warnings.orange.join('\n')}\n`)
writeFileSync(join(values.out, 'probabilities.jsonl'), `${probabilities.join('\n')}\n`)
const seconds = ((performance.now() - started) / 1000).toFixed(1)
process.stderr.write(
  `${minutes} minutes in ${seconds} s; own verification ${JSON.stringify(Object.fromEntries(outcomes))}\n`,
)
