/**
 * The program `forewarn`: its commands, and how it ends. Each command is in `commands/` and loads what it needs only
 * when it runs, so that `forewarn --help` answers at once.
 */
import { Command, CommanderError } from 'commander'
import { asyncapiCommand } from './commands/asyncapi.ts'
import { backupCommand } from './commands/backup.ts'
import { brokerCommand } from './commands/broker.ts'
import { decodeCommand } from './commands/decode.ts'
import { doctorCommand } from './commands/doctor.ts'
import { exportCommand } from './commands/export.ts'
import { gatewayCommand } from './commands/gateway.ts'
import { gatewaysCommand } from './commands/gateways.ts'
import { ledgerCommand } from './commands/ledger.ts'
import { playCommand } from './commands/play.ts'
import { publishCommand } from './commands/publish.ts'
import { quarantineCommand } from './commands/quarantine.ts'
import { restoreCommand } from './commands/restore.ts'
import { rulesCommand } from './commands/rules.ts'
import { settingsCommand } from './commands/settings.ts'
import { startCommand } from './commands/start.ts'
import { ending, exitCodes } from './exit-codes.ts'
import { complain } from './terminal.ts'
import { version } from './version.ts'

function buildProgram(): Command {
  const program = new Command('forewarn')
    .description('Early warning for a city district: sensors, rules, forecasts, pump trucks, and the score afterwards.')
    .version(version(), '-V, --version')
    .helpCommand('help [command]', 'help for a command')
    .showHelpAfterError('(forewarn --help shows how)')
    .addHelpText(
      'after',
      '\nExample:\n  forewarn start --scenario storm --speed 60\n\nEnds with 0 when all is well, 1 when trouble was found, 2 when wrongly used or not able to start.',
    )
  const commands = [
    startCommand(),
    playCommand(),
    gatewayCommand(),
    gatewaysCommand(),
    brokerCommand(),
    publishCommand(),
    rulesCommand(),
    decodeCommand(),
    asyncapiCommand(),
    ledgerCommand(),
    quarantineCommand(),
    exportCommand(),
    backupCommand(),
    restoreCommand(),
    doctorCommand(),
    settingsCommand(),
  ]
  for (const command of commands) program.addCommand(command)
  makeCalm(program)
  return program
}

/** Commander throws instead of ending the process, so that exit codes are ours, in subcommands too. */
function makeCalm(command: Command): void {
  command.exitOverride().configureHelp({ helpWidth: process.stdout.columns ?? 100 })
  for (const child of command.commands) makeCalm(child)
}

/** Runs one command line, without `node` and the program's name. Sets the exit code. */
export async function runProgram(args: readonly string[]): Promise<void> {
  try {
    await buildProgram().parseAsync(args.length === 0 ? ['--help'] : args, { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) {
      // Commander has said what was wrong already; help and version end well.
      process.exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.cannotStart
      return
    }
    const { line, code } = ending(error)
    complain(line)
    process.exitCode = code
  }
}
