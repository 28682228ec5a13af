/**
 * `npm run bench [-- name …]`: runs the benches named, or all of them, one after the other. RESULTS.md keeps what
 * they said and the commands that repeat them.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

const benches = ['ingest', 'faults', 'connections', 'warning', 'house', 'store']
const [first, ...rest] = process.argv.slice(2)
const named = first === undefined ? benches : [first]
const unknown = named.find(name => !benches.includes(name))
if (unknown !== undefined) {
  console.error(`no bench is called ${unknown}; there are ${benches.join(', ')}`)
  process.exit(2)
}
let failed = false
for (const name of named) {
  console.log(`\n${name}`)
  const child = spawn(process.execPath, [join(import.meta.dirname, `${name}.ts`), ...rest], { stdio: 'inherit' })
  const [code] = await once(child, 'exit')
  failed ||= code !== 0
}
process.exit(failed ? 1 : 0)
