/**
 * The entry of the program `forewarn` on Node 24; the launcher in deploy/setup brings it here.
 */
import { runProgram } from './program.ts'

// Whoever reads our output may have seen enough (`| head`): that is no error of ours.
process.stdout.on('error', error => {
  if (!('code' in error) || error.code !== 'EPIPE') throw error
  process.exit(0)
})

await runProgram(process.argv.slice(2))
