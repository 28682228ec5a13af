/**
 * `forewarn quarantine`: what the house refused or kept aside, one entry whole, and letting it go after all, as it is
 * or put right. Ends with 0 when it was done, 1 when the house would refuse it again.
 */
import { readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { QuarantineReport } from '@forewarn/contracts/health'
import { QuarantineAnswer, QuarantineEntry, QuarantineProblem } from '@forewarn/contracts/quarantine'
import { Command } from 'commander'
import type { z } from 'zod'
import { exitCodes, WrongUse } from '../exit-codes.ts'
import { findHouse, type HouseDoor } from '../running-house.ts'
import { settingsOf, withSettingFlags } from '../setting-flags.ts'
import { complain, say, sayJson, table } from '../terminal.ts'

export function quarantineCommand(): Command {
  return new Command('quarantine')
    .summary('look into what was refused, and let it go after all')
    .description('What was refused or kept aside waits here, with its original, for somebody to look at it.')
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(releaseCommand())
    .addCommand(discardCommand())
    .addHelpText('after', '\nExample:\n  forewarn quarantine release 17 --rename gauge-9=gauge-1')
}

function listCommand(): Command {
  return withSettingFlags(new Command('list'))
    .summary('the newest hundred')
    .description('Lists the newest hundred entries, newest first, and how many readings were refused for each reason.')
    .option('--waiting', 'only what waits for a decision')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  forewarn quarantine list --waiting')
    .action(list)
}

function showCommand(): Command {
  return withSettingFlags(new Command('show'))
    .summary('one entry whole')
    .description('Shows one entry with its original whole, and what was decided about it.')
    .argument('<id>', 'as the list says')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  forewarn quarantine show 17')
    .action(show)
}

function releaseCommand(): Command {
  return withDecision(new Command('release'))
    .summary('take its readings after all')
    .description(
      'Takes the readings of an entry after all, at their own times, marked as late. They are judged as at their arrival: what is still wrong is refused again, and said.',
    )
    .option('--rename <from=to...>', 'a name in the payload, and the sensor of the same gateway that it means')
    .option('--topic <topic>', 'the topic it should have come on')
    .option('--payload-file <file>', 'the payload as it should have been')
    .addHelpText('after', '\nExample:\n  forewarn quarantine release 17 --rename gauge-9=gauge-1')
    .action(release)
}

function discardCommand(): Command {
  return withDecision(new Command('discard'))
    .summary('throw it away')
    .description('Marks an entry as thrown away. Its original stays on disk until its file is the oldest.')
    .addHelpText('after', '\nExample:\n  forewarn quarantine discard 17 --note "installer’s test"')
    .action(discard)
}

function withDecision(command: Command): Command {
  return withSettingFlags(command)
    .argument('<id>', 'as the list says')
    .option('--by <name>', 'who decides; you, unless another name is given')
    .option('--note <words>', 'why')
    .option('--json', 'as JSON')
}

type Options = Record<string, unknown>

async function list(options: Options): Promise<void> {
  const { counts, newest } = await ask(await ingestOf(options), 'quarantine', { shape: QuarantineReport })
  const shown = options['waiting'] === true ? newest.filter(({ kept, state }) => !kept && state === 'waiting') : newest
  if (options['json'] === true) return sayJson({ counts, newest: shown })
  if (shown.length === 0) return say('nothing is here')
  const rows = shown.map(({ id, atMs, reason, kept, state, gateway, detail }) => [
    id ?? '-',
    new Date(atMs).toISOString().slice(0, 19),
    kept ? 'counts' : (state ?? '-'),
    reason,
    gateway,
    detail.slice(0, 100),
  ])
  for (const line of table([['id', 'arrived (UTC)', 'state', 'reason', 'gateway', 'what'], ...rows])) say(line)
}

async function show(id: string, options: Options): Promise<void> {
  const entry = await ask(await ingestOf(options), `quarantine/${encodeURIComponent(id)}`, { shape: QuarantineEntry })
  if (options['json'] === true) return sayJson(entry)
  const { original, decision, records, ...rest } = entry
  for (const line of table(Object.entries(rest).map(([name, value]) => [name, String(value)]))) say(line)
  if (records !== undefined) say(`records meant: ${records.join(', ')}`)
  if (decision !== undefined) say(`${decision.as} by ${decision.by}, ${new Date(decision.atMs).toISOString()}`)
  say('')
  say(original)
}

async function release(id: string, options: Options): Promise<void> {
  const { topic, payloadFile } = options
  const body = {
    ...decisionOf(options),
    ...(typeof topic === 'string' && { topic }),
    ...(typeof payloadFile === 'string' && payloadIn(payloadFile)),
    ...(options['rename'] !== undefined && { rename: renamesIn(options['rename']) }),
  }
  await decide({ id, deed: 'release', body }, options)
}

async function discard(id: string, options: Options): Promise<void> {
  await decide({ id, deed: 'discard', body: decisionOf(options) }, options)
}

function decisionOf({ by, note }: Options) {
  return {
    by: typeof by === 'string' ? by : userInfo().username,
    ...(typeof note === 'string' && { note }),
  }
}

function payloadIn(file: string): { payload: string; encoding: 'base64' } {
  try {
    return { payload: readFileSync(file).toString('base64'), encoding: 'base64' }
  } catch (error) {
    throw new WrongUse(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function renamesIn(given: unknown): Record<string, string> {
  const texts = Array.isArray(given) ? given.map(String) : []
  const pairs = texts.map((text): [string, string] => {
    const at = text.lastIndexOf('=')
    if (at < 1 || at === text.length - 1) throw new WrongUse(`--rename ${text}: write it as gauge-9=gauge-1`)
    return [text.slice(0, at), text.slice(at + 1)]
  })
  return Object.fromEntries(pairs)
}

async function decide(
  { id, deed, body }: { id: string; deed: 'release' | 'discard'; body: object },
  options: Options,
): Promise<void> {
  const path = `quarantine/${encodeURIComponent(id)}/${deed}`
  const answer = await ask(await ingestOf(options), path, { shape: QuarantineAnswer.or(QuarantineProblem), body })
  if (options['json'] === true) sayJson(answer)
  else if ('status' in answer) complain(answer.title)
  else
    say(
      answer.state === 'discarded'
        ? `entry ${id} is discarded`
        : `entry ${id} is released: ${answer.readings} readings`,
    )
  if ('status' in answer) process.exitCode = exitCodes.trouble
}

interface IngestDoor {
  readonly url: string
  readonly token: string
}

async function ingestOf(options: Options): Promise<IngestDoor> {
  const { dataDir } = settingsOf(options)
  const door: HouseDoor | undefined = await findHouse(dataDir)
  const url = door?.house.ingestUrl
  if (door === undefined || url === undefined)
    throw new WrongUse(`no house runs in ${dataDir}: start one, or name its folder with --data-dir`)
  return { url, token: door.secrets.innerToken }
}

const patienceMs = 30_000

/** Asks ingest itself. Throws WrongUse with one line when it does not answer as expected. */
async function ask<T>(
  { url, token }: IngestDoor,
  path: string,
  { shape, body }: { shape: z.ZodType<T>; body?: object },
): Promise<T> {
  const response = await fetch(new URL(path, `${url}/`), {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${token}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(patienceMs),
  }).catch((error: unknown) => {
    throw new WrongUse(`the house did not answer: ${error instanceof Error ? error.message : String(error)}`)
  })
  const said: unknown = await response.json()
  const answer = shape.safeParse(said)
  if (answer.success) return answer.data
  const problem = QuarantineProblem.safeParse(said)
  throw new WrongUse(problem.success ? problem.data.title : `the house answered ${response.status} to ${path}`)
}
