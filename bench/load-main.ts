/**
 * The load generator as a process: reads a plan as JSON on standard input, writes the result as JSON.
 */
import { text } from 'node:stream/consumers'
import { type LoadPlan, runLoad } from './mqtt-load.ts'

const plan: LoadPlan = JSON.parse(await text(process.stdin))
process.stdout.write(`${JSON.stringify(await runLoad(plan))}\n`)
