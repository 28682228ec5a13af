/**
 * `forewarn gateways`: takes gateways in and shuts them out. Asks the broker of the running house, which is the only
 * one to write credentials; what is answered is on disk.
 */
import { Command } from 'commander'
import { z } from 'zod'
import { askBroker, atBroker, type Options } from '../broker-door.ts'
import { WrongUse } from '../exit-codes.ts'
import { say, sayJson, table } from '../terminal.ts'
import { addConfiguring } from './gateway-configuration.ts'

export function gatewaysCommand(): Command {
  const gateways = new Command('gateways')
    .summary('take gateways in, give them keys and settings, shut them out')
    .description('Who may connect to the broker of the running house. See docs/SECURITY.md.')
    .addHelpText(
      'after',
      '\nExamples:\n  forewarn gateways claim-key --uses 20 --hours 24\n  forewarn gateways pending\n  forewarn gateways approve gw-9 3f2a-91bc-0d7e-55aa\n  forewarn gateways configure gw-9 storm.yaml',
    )
  addListing(gateways)
  addClaiming(gateways)
  addKeys(gateways)
  addConfiguring(gateways)
  return gateways
}

function addListing(gateways: Command): void {
  atBroker(gateways, 'list', 'every gateway: its state, connections, tokens and rights').action(list)
  atBroker(gateways, 'pending', 'gateways that ask to be taken in, with their fingerprints').action(pending)
  atBroker(gateways, 'claim-keys', 'keys that new gateways may claim with').action(claimKeys)
}

function addClaiming(gateways: Command): void {
  atBroker(gateways, 'claim-key', 'make a key that new gateways may claim with; it is shown once')
    .option('--uses <number>', 'gateways it is good for', '20')
    .option('--hours <number>', 'how long it is good for', '24')
    .action(async (options: Options) => {
      const { uses, hours } = wish(z.object({ uses: whole, hours: positive }), options)
      const made = await post(
        options,
        '/gateways/claim-keys',
        { uses, forS: hours * 3600 },
        z.object({ key: z.string() }),
      )
      tell(options, made, made.key)
    })
  atBroker(gateways, 'revoke-claim-key <id>', 'take a claim key back').action(async (id: string, options: Options) => {
    tell(options, await post(options, `/gateways/claim-keys/${encodeURIComponent(id)}/revoke`), `${id} is taken back`)
  })
  atBroker(
    gateways,
    'approve <id> <fingerprint>',
    'take a gateway in: compare the fingerprint with what it shows',
  ).action(async (id: string, fingerprint: string, options: Options) => {
    tell(options, await post(options, deed(id, 'approve'), { fingerprint }), `${id} is taken in`)
  })
  atBroker(gateways, 'reject <id>', 'send a gateway that asks away').action(async (id: string, options: Options) => {
    tell(options, await post(options, deed(id, 'reject')), `${id} is sent away`)
  })
}

function addKeys(gateways: Command): void {
  atBroker(gateways, 'rotate <id>', 'make a new password; it is shown once')
    .option('--grace-hours <number>', 'how long the old one stays good too', '0')
    .action(async (id: string, options: Options) => {
      const { graceHours } = wish(z.object({ graceHours: notNegative }), options)
      const made = await post(
        options,
        deed(id, 'rotate'),
        { graceS: graceHours * 3600 },
        z.object({ password: z.string() }),
      )
      tell(options, made, made.password)
    })
  atBroker(gateways, 'token <id>', 'make a token that opens until it expires; it is shown once')
    .option('--days <number>', 'how long it is good for', '30')
    .action(async (id: string, options: Options) => {
      const { days } = wish(z.object({ days: positive }), options)
      const made = await post(options, deed(id, 'tokens'), { forS: days * 86_400 }, z.object({ token: z.string() }))
      tell(options, made, made.token)
    })
  atBroker(gateways, 'revoke <id>', 'shut a gateway out at once, with its session')
    .option('--tokens', 'only its tokens')
    .action(async (id: string, options: Options) => {
      const only = options['tokens'] === true
      tell(
        options,
        await post(options, deed(id, only ? 'tokens/revoke' : 'revoke')),
        only ? `the tokens of ${id} are taken back` : `${id} is shut out`,
      )
    })
  atBroker(gateways, 'rights <id>', 'topics beyond its own, for devices with topics of theirs')
    .option('--publish <filter...>', 'may publish on these')
    .option('--subscribe <filter...>', 'may subscribe to these')
    .option('--needs-certificate <yes|no>', 'only with a client certificate of its name')
    .action(async (id: string, options: Options) => {
      const rights = wish(Rights, options)
      tell(options, await post(options, deed(id, 'rights'), rights), `the rights of ${id} are changed`)
    })
}

const whole = z.coerce.number().int().positive()
const positive = z.coerce.number().positive()
const notNegative = z.coerce.number().min(0)
const Rights = z.object({
  publish: z.array(z.string()).optional(),
  subscribe: z.array(z.string()).optional(),
  needsCertificate: z
    .enum(['yes', 'no'])
    .transform(text => text === 'yes')
    .optional(),
})

/** What was asked for, or WrongUse with the first thing that is not right. */
function wish<T>(shape: z.ZodType<T>, options: Options): T {
  const parsed = shape.safeParse(options)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new WrongUse(`--${String(issue?.path[0] ?? 'option')}: ${issue?.message ?? 'not usable'}`)
}

const deed = (id: string, what: string) => `/gateways/${encodeURIComponent(id)}/${what}`

const Listed = z.array(
  z.object({
    id: z.string(),
    role: z.string(),
    state: z.string(),
    connections: z.array(z.object({ address: z.string(), client: z.string() })),
    tokens: z.array(z.object({ id: z.string(), expiresAtMs: z.number() })),
    publish: z.array(z.string()),
    subscribe: z.array(z.string()),
    needsCertificate: z.boolean(),
  }),
)

async function list(options: Options): Promise<void> {
  const listed = await askBroker(options, { path: '/gateways', shape: Listed })
  if (options['json'] === true) return sayJson(listed)
  const rows = listed.map(({ id, role, state, connections, tokens, publish, subscribe }) => [
    id,
    role,
    state,
    connections.length === 0 ? 'away' : connections.map(({ address }) => address).join(' '),
    tokens.length === 0 ? '' : `${tokens.length} tokens`,
    [...publish, ...subscribe].join(' '),
  ])
  for (const row of table([['gateway', 'role', 'state', 'connected from', 'tokens', 'further topics'], ...rows]))
    say(row)
}

const Pending = z.array(
  z.object({
    gateway: z.string(),
    fingerprint: z.string(),
    address: z.string(),
    software: z.string().optional(),
    firstAtMs: z.number(),
    state: z.string(),
  }),
)

async function pending(options: Options): Promise<void> {
  const waiting = await askBroker(options, { path: '/gateways/pending', shape: Pending })
  if (options['json'] === true) return sayJson(waiting)
  if (waiting.length === 0) return say('nobody asks to be taken in')
  const rows = waiting.map(({ gateway, fingerprint, address, software = '', firstAtMs, state }) => [
    gateway,
    fingerprint,
    state,
    address,
    timeText(firstAtMs),
    software,
  ])
  for (const row of table([['gateway', 'fingerprint', 'state', 'from', 'since', 'software'], ...rows])) say(row)
}

const Keys = z.array(z.object({ id: z.string(), usesLeft: z.number(), expiresAtMs: z.number() }))

async function claimKeys(options: Options): Promise<void> {
  const keys = await askBroker(options, { path: '/gateways/claim-keys', shape: Keys })
  if (options['json'] === true) return sayJson(keys)
  const rows = keys.map(({ id, usesLeft, expiresAtMs }) => [id, String(usesLeft), timeText(expiresAtMs)])
  for (const row of table([['key', 'uses left', 'good until'], ...rows])) say(row)
}

function timeText(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 16)}Z`
}

function tell(options: Options, answer: unknown, line: string): void {
  if (options['json'] === true) sayJson(answer)
  else say(line)
}

const Anything = z.record(z.string(), z.unknown())

function post(options: Options, path: string, body?: unknown): Promise<z.infer<typeof Anything>>
function post<T>(options: Options, path: string, body: unknown, shape: z.ZodType<T>): Promise<T>
function post(options: Options, path: string, body: unknown = {}, shape: z.ZodType = Anything): Promise<unknown> {
  return askBroker(options, { path, body, shape })
}
