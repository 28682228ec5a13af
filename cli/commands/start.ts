/**
 * `forewarn start`: the whole house in one process, until it is told to stop.
 */
import { spawn } from 'node:child_process'
import type { StartedHouse } from '@forewarn/deploy/start'
import { Command } from 'commander'
import { exitCodes } from '../exit-codes.ts'
import { settingsOf, withSettingFlags } from '../setting-flags.ts'
import { told } from '../stop-signal.ts'
import { complain, progressBar, say } from '../terminal.ts'

export function startCommand(): Command {
  return withSettingFlags(new Command('start'))
    .summary('start the whole house in one process')
    .description(
      'Starts the whole house in one process: broker, readings, rules, alerts and the console. Stops on Ctrl-C or SIGTERM.',
    )
    .addHelpText('after', '\nExample:\n  forewarn start --data-dir /var/lib/forewarn --host 0.0.0.0')
    .action(start)
}

async function start(options: Record<string, unknown>): Promise<void> {
  const settings = settingsOf(options)
  // Asked before anything is started: a signal during the start must not be lost.
  const stopTold = told()
  let ready = false
  void stopTold.then(() => {
    if (!ready) giveUpLater()
  })
  const bar = progressBar()
  const steps = 6
  let step = 0
  const { startFromSettings } = await import('@forewarn/deploy/start')
  const started = await startFromSettings(settings, {
    onStep: words => bar.at((step += 1) / steps, `starting ${words}`),
  }).finally(() => bar.clear())
  ready = true
  greet(started)
  if (settings.openConsole) openBrowser(started.house.consoleUrl)
  await stopTold
  say('stopping …')
  const failed = await started.stop()
  for (const part of failed) complain(`forewarn: ${part} did not stop in time`)
  say('stopped')
  // Parts that did not stop in time must not keep the process.
  process.exit(failed.length === 0 ? exitCodes.ok : exitCodes.trouble)
}

/** Told to stop while still starting: it stops as soon as it has started, but nobody waits for ever. */
function giveUpLater(): void {
  complain('forewarn: stopping once started …')
  const giveUp = () => {
    complain('forewarn: given up; it was still starting')
    process.exit(exitCodes.cannotStart)
  }
  setTimeout(giveUp, 10_000).unref()
}

function greet({ house, made, scenario, passwordFile, logFile }: StartedHouse): void {
  const { name } = made.district
  const what = scenario === undefined ? '' : ` — simulated, scenario ${scenario}`
  // A terminal is seen by the one who starts it; anything else may be a log, where no secret belongs.
  const password = house.officer.made && process.stdout.isTTY ? house.officer.password : `see ${passwordFile}`
  say(`Forewarn watches ${name.zh} ${name.en}${what}`)
  say(`  console   ${house.consoleUrl}`)
  say(`  sign in   ${house.officer.name}, password: ${password}`)
  say(`  MQTT      port ${house.mqttPort}; what a gateway needs: ./forewarn gateway`)
  const sensor = made.district.sensors.find(({ quantity }) => quantity === 'water_depth') ?? made.district.sensors[0]
  if (sensor !== undefined) say(`  by hand   ./forewarn publish ${sensor.id} 0.3`)
  say(`  log       ${logFile}`)
  say('Stop with Ctrl-C.')
}

/** Opens the page in the person's browser; says where it is when that does not work. */
function openBrowser(url: string): void {
  const [program, args] =
    process.platform === 'darwin'
      ? ['open', [url]]
      : process.platform === 'win32'
        ? ['cmd', ['/c', 'start', '', url]]
        : ['xdg-open', [url]]
  const child = spawn(program, args, { stdio: 'ignore', detached: true })
  child.once('error', () => complain(`no browser could be opened; the console is at ${url}`))
  child.unref()
}
