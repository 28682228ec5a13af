/**
 * `forewarn decode`: frames from standard input, one a line, and what is in them, one line of JSON each.
 */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { loadDecoder, protocolNames } from '@forewarn/protocols/decoders'
import type { FrameDecoder } from '@forewarn/protocols/frame-decoder'
import { liveClock } from '@forewarn/runtime/clock'
import { Command, Option } from 'commander'
import { decodeLine, jsonLine, textLines } from '../decode/decode-line.ts'
import type { FrameContext } from '../decode/frames-of-line.ts'
import { linesIn } from '../decode/lines-in.ts'
import { WrongUse } from '../exit-codes.ts'
import { say, table } from '../terminal.ts'

export function decodeCommand(): Command {
  return new Command('decode')
    .summary('decode frames of a protocol from standard input')
    .description(
      'Reads frames from standard input, one a line: hex, a text frame, base64, a JSON payload, or a JSON object with hex, hexList, text, base64 or json. Writes one line of JSON for each: {"ok", "records", "error", "expect"}. Ends with 0 also when frames were refused.',
    )
    .argument('[protocol]', 'name of the protocol; --list shows them')
    .option('--list', 'list the protocols')
    .option('--topic <topic>', 'MQTT topic of every frame')
    .option('--kind <name>', 'what every frame is, where a format does not say it (a CAP element, a Sparkplug array)')
    .option('--precision <unit>', 'of line protocol times: 1ns, 1us, 1ms or 1s')
    .option('--default-time <time>', 'time of a line protocol line that has none, a whole number of nanoseconds')
    .option('--received-at <time>', 'when the frames arrived, ISO 8601; without it now')
    .option('--mapping <file>', 'of plain JSON: the YAML file that says which values are whose (protocol json)')
    .addOption(new Option('--format <format>', 'json for programs, text for people').choices(['json', 'text']))
    .addHelpText('after', '\nExample:\n  echo \'[{"n":"tidal-04.level","u":"m","v":0.28}]\' | forewarn decode senml')
    .action(decode)
}

async function decode(protocol: string | undefined, options: Record<string, unknown>): Promise<void> {
  if (options['list'] === true) return listProtocols()
  if (protocol === undefined) throw new WrongUse(`which protocol? ${protocolNames.join(', ')}`)
  const { mapping } = options
  const decoder = typeof mapping === 'string' ? await mappingFrom(mapping, protocol) : await loadDecoder(protocol)
  if (decoder === undefined)
    throw new WrongUse(`there is no protocol ${protocol}; there are ${protocolNames.join(', ')}`)
  await decodeInput(decoder, contextOf(options), { forPeople: options['format'] === 'text' })
}

/** The decoder of a mapping file. Throws WrongUse with all that is wrong in the file. */
async function mappingFrom(file: string, protocol: string): Promise<FrameDecoder> {
  if (protocol !== 'json') throw new WrongUse('--mapping reads plain JSON: forewarn decode json --mapping …')
  const [{ parseMappings }, { mappingDecoder }] = await Promise.all([
    import('@forewarn/protocols/json-mapping/mapping'),
    import('@forewarn/protocols/json/decoder'),
  ])
  const parsed = parseMappings(readMapping(file))
  if (Array.isArray(parsed)) return mappingDecoder(parsed)
  const faults = parsed.faults.map(({ line, field, message }) => `${file}:${line} ${field}: ${message}`)
  throw new WrongUse(faults.join('\n'))
}

function readMapping(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new WrongUse(`cannot read ${file}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}

async function listProtocols(): Promise<void> {
  const decoders = await Promise.all(protocolNames.map(name => loadDecoder(name)))
  const rows = decoders.flatMap(decoder => (decoder === undefined ? [] : [[decoder.protocol, decoder.standard]]))
  for (const row of table(rows)) say(row)
}

async function decodeInput(
  decoder: FrameDecoder,
  context: FrameContext,
  { forPeople }: { forPeople: boolean },
): Promise<void> {
  const shown = forPeople ? textLines : jsonLine
  for await (const lines of linesIn(process.stdin)) {
    // All lines that came together are answered together and at once: none waits for the next.
    const out = lines.map(line => `${shown(decodeLine(line, decoder, context))}\n`).join('')
    if (!process.stdout.write(out)) await once(process.stdout, 'drain')
  }
}

function contextOf(options: Record<string, unknown>): FrameContext {
  const { topic, kind, precision, defaultTime, receivedAt } = options
  return {
    ...(typeof topic === 'string' ? { topic } : {}),
    ...(typeof kind === 'string' ? { kind } : {}),
    ...(typeof precision === 'string' ? { precision } : {}),
    ...(typeof defaultTime === 'string' ? { defaultTime } : {}),
    receivedAtMs: typeof receivedAt === 'string' ? timeMsOf(receivedAt) : liveClock().nowMs(),
  }
}

function timeMsOf(text: string): number {
  const atMs = Date.parse(text)
  if (Number.isNaN(atMs)) throw new WrongUse(`--received-at=${text} is not a time; write 2026-07-01T12:00:00Z`)
  return atMs
}
