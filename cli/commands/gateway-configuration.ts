/**
 * `forewarn gateways configure` and `configuration`: sends a gateway its settings from afar, and tells what became of
 * them. The agent beside the gateway tries them and goes back by itself when it cannot run on them.
 */
import { readFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { ConfigurationReport, type SaidOfConfiguration } from '@forewarn/contracts/gateway-configuration'
import type { Command } from 'commander'
import { parse } from 'yaml'
import { z } from 'zod'
import { askBroker, atBroker, type Options } from '../broker-door.ts'
import { exitCodes, WrongUse } from '../exit-codes.ts'
import { say, sayJson, table } from '../terminal.ts'

export function addConfiguring(gateways: Command): void {
  atBroker(gateways, 'configure <id> [file]', 'send settings (YAML or JSON) to its agent, which tries them first')
    .option('--back', 'send the settings of the version before again')
    .option('--own', 'send it back to its own settings file')
    .option('--by <name>', 'who sends it', userInfo().username)
    .addHelpText(
      'after',
      '\nExamples:\n  forewarn gateways configure gw-9 storm.yaml\n  forewarn gateways configuration gw-9\n  forewarn gateways configure gw-9 --back\n\nThe fields are in edge-agent/README.md; an example is edge-agent/examples/remote-settings.yaml.',
    )
    .action(configure)
  atBroker(gateways, 'configuration <id>', 'what was sent to it last, what it runs on, and why it refused').action(tell)
}

const Sent = z.object({ id: z.string(), version: z.number(), restores: z.number().optional() })
const Settings = z.record(z.string(), z.unknown())
const Wish = z.object({
  back: z.boolean().default(false),
  own: z.boolean().default(false),
  by: z.string().min(1, '--by needs a name').max(100, '--by takes a hundred characters'),
})

async function configure(id: string, file: string | undefined, options: Options): Promise<void> {
  const wish = Wish.safeParse(options)
  if (!wish.success) throw new WrongUse(wish.error.issues[0]?.message ?? 'not usable')
  const { back, own, by } = wish.data
  if ([file !== undefined, back, own].filter(Boolean).length !== 1)
    throw new WrongUse('say one of: a file of settings, --back, --own')
  const path = pathOf(id)
  const ask = async () => {
    if (back) return await askBroker(options, { path: `${path}/back`, method: 'POST', body: { by }, shape: Sent })
    if (file === undefined) return await askBroker(options, { path, method: 'DELETE', body: { by }, shape: Sent })
    const body = { settings: await settingsIn(file), by }
    return await askBroker(options, { path, method: 'PUT', body, shape: Sent })
  }
  const sent = await ask()
  if (options['json'] === true) return sayJson(sent)
  const as = sent.restores === undefined ? '' : `, with the settings of version ${sent.restores}`
  say(
    `version ${sent.version} is sent to ${id}${as}: see what it makes of it with forewarn gateways configuration ${id}`,
  )
}

const pathOf = (id: string) => `/gateways/${encodeURIComponent(id)}/configuration`

/** JSON is YAML too. */
async function settingsIn(file: string): Promise<z.infer<typeof Settings>> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new WrongUse(`${file} cannot be read`, { cause })
  })
  const settings = Settings.safeParse(parsed(file, text))
  if (settings.success) return settings.data
  throw new WrongUse(`${file} holds no settings: names and values are expected`)
}

function parsed(file: string, text: string): unknown {
  try {
    return parse(text)
  } catch (cause) {
    throw new WrongUse(`${file} is neither YAML nor JSON: ${String(cause)}`, { cause })
  }
}

/** Ends with 1 when the gateway refused what was sent. */
async function tell(id: string, options: Options): Promise<void> {
  const report = await askBroker(options, { path: pathOf(id), shape: ConfigurationReport })
  if (report.state === 'refused') process.exitCode = exitCodes.trouble
  if (options['json'] === true) return sayJson(report)
  const { sent, said, state } = report
  const rows = [['state', stateWords[state]]]
  if (sent !== undefined) {
    const from = sent.restores === undefined ? '' : `, the settings of version ${sent.restores}`
    rows.push(['sent', `version ${sent.version}${from}, ${timeText(sent.sentAtMs)}, by ${sent.by ?? 'nobody named'}`])
  }
  rows.push(['runs on', runsOn(said)])
  const refused = said?.refusedConfiguration
  if (refused !== undefined) rows.push(['refused', `version ${refused.version}: ${refused.reason}`])
  if (said !== undefined) rows.push(['said', `${timeText(said.receivedAtMs)}, ${said.state}`])
  if (sent !== undefined) rows.push(['settings', JSON.stringify(sent.settings)])
  for (const row of table(rows)) say(row)
}

const stateWords = {
  'never-sent': 'nothing was sent to it',
  waiting: 'sent, and it has not said what it makes of it',
  'on-trial': 'it tries what was sent, and goes back by itself if that does not work',
  running: 'it runs on what was sent',
  refused: 'it refused what was sent',
} as const

function runsOn(said: SaidOfConfiguration | undefined): string {
  if (said === undefined) return 'not known: it has said nothing since the house was started'
  return said.configuration === undefined ? 'its own settings file' : `version ${said.configuration}`
}

function timeText(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19)}Z`
}
