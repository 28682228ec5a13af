/**
 * The load generator as a process: reads a plan as JSON on standard input, writes `"open"` once
 * every gateway is connected, and then the result, as JSON lines.
 */
import { text } from 'node:stream/consumers'
import { type LoadPlan, runLoad } from './mqtt-load.ts'

const plan: LoadPlan = JSON.parse(await text(process.stdin))
const result = await runLoad(plan, () => process.stdout.write('"open"\n'))
process.stdout.write(`${JSON.stringify(result)}\n`)
