/**
 * The entry of the program `forewarn` on Node 24; the launcher in deploy/setup brings it here.
 */
import { runProgram } from './program.ts'

await runProgram(process.argv.slice(2))
