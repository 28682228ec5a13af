/**
 * Calibrates rain-to-depth from recordings and writes the model file:
 *   node rules/forecast/calibrate-main.ts --version 1 --out rules/models/rain-to-depth.json truth.jsonl.gz=sensor.jsonl.gz …
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { calibratePlace } from './calibrate.ts'
import { readStorms } from './recordings.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    version: { type: 'string', default: '1' },
    out: { type: 'string' },
    seed: { type: 'string', default: '1' },
    trials: { type: 'string', default: '3000' },
  },
})

const rounded = (value: number) => Number(value.toPrecision(5))
const trials = Number(values.trials)
const places: Record<string, Record<string, number | string>> = {}

for (const pair of positionals) {
  const [truthFile, sensorFile] = pair.split('=')
  if (truthFile === undefined || sensorFile === undefined) throw new Error(`${pair}: give truth=sensor`)
  const storms = readStorms({ truthFile, sensorFile })
  const catchment = storms[0]?.catchment ?? 'unknown'
  for (const place of storms[0]?.levelM.keys() ?? []) {
    const found = calibratePlace(storms, place, { seed: Number(values.seed), wideTrials: trials, nearTrials: trials })
    if (found === undefined) continue
    process.stderr.write(`${place} cost=${found.cost.toFixed(3)} ${JSON.stringify(found.parameters)}\n`)
    const numbers = Object.entries(found.parameters).map(([name, value]): [string, number] => [name, rounded(value)])
    places[place] = { catchment, ...Object.fromEntries(numbers) }
  }
}

const text = `${JSON.stringify({ model: 'rain-to-depth', modelVersion: values.version, places }, null, 2)}\n`
if (values.out === undefined) process.stdout.write(text)
else writeFileSync(values.out, text)
