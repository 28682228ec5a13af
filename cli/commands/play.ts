/**
 * `forewarn play`: a recorded storm through today's rules, in a house of its own with its own clock. Nothing real is
 * moved: everything is marked as a replay.
 */
import type { Warning } from '@forewarn/contracts/warning'
import type { Drill, DrillResult } from '@forewarn/deploy/play'
import type { Settings } from '@forewarn/runtime/settings'
import type { Recording } from '@forewarn/simulators/recording'
import { Command } from 'commander'
import { exitCodes, WrongUse } from '../exit-codes.ts'
import { tryListen } from '../ports.ts'
import { settingsOf, sourceOf, withSettingFlags } from '../setting-flags.ts'
import { told } from '../stop-signal.ts'
import { progressBar, say, sayJson, table } from '../terminal.ts'

export function playCommand(): Command {
  return withSettingFlags(new Command('play'))
    .summary('play a recorded storm through today’s rules')
    .description(
      'Plays a recorded storm through today’s rules, in a house of its own. --speed is 60 unless given. Nothing real is moved.',
    )
    .argument('[recording]', 'a file (.jsonl, .jsonl.gz) or the name of a shipped storm')
    .option('--list', 'list the shipped storms, or the events in the file')
    .option('--event <name>', 'event in the file; without it the first')
    .option('--from <when>', 'where to begin: minutes into the recording, or a time in ISO 8601')
    .option('--acknowledge-after <minutes>', 'acknowledge every warning this long after it was raised')
    .option('--json', 'what came of it, as JSON')
    .addHelpText('after', '\nExample:\n  forewarn play flat5p-d-056.sensor --speed 60')
    .action(play)
}

interface PlayFlags extends Record<string, unknown> {
  readonly list?: true
  readonly event?: string
  readonly from?: string
  readonly acknowledgeAfter?: string
  readonly json?: true
}

async function play(source: string | undefined, flags: PlayFlags): Promise<void> {
  const settings = settingsOf(flags)
  if (flags.list === true) return list(source, flags)
  if (source === undefined) throw new WrongUse('name a recording; forewarn play --list shows the shipped ones')
  const recording = await read(source, flags.event)
  const fromMs = beginOf(flags.from, recording)
  const acknowledgeAfterMs = minutesOf('--acknowledge-after', flags.acknowledgeAfter)
  const { playInDrillHouse } = await import('@forewarn/deploy/play')
  const bar = progressBar()
  const stopping = new AbortController()
  void told().then(() => stopping.abort())
  const quiet = flags.json === true
  const tell = teller({ recording, bar, quiet })
  const result = await playInDrillHouse({
    recording,
    speed: speedOf(settings, flags),
    fromMs,
    settings: await withFreePorts(settings, flags),
    acknowledgeAfterMs,
    signal: stopping.signal,
    onStep: words => bar.at(0, `starting ${words}`),
    onStarted: tell.started,
    onProgress: ({ atMs, told: done, total }) =>
      bar.at(done / total, `${done} of ${total} readings, ${isoMinute(atMs)}`),
    onWarning: tell.warning,
  }).finally(() => bar.clear())
  if (quiet) sayJson(forPrograms(result))
  else sayResult(result)
  process.exitCode = result.summary.complete ? exitCodes.ok : exitCodes.trouble
}

async function list(source: string | undefined, { json }: PlayFlags): Promise<void> {
  if (source !== undefined) {
    const { listEvents } = await import('@forewarn/simulators/recording')
    const events = await readable(() => listEvents(source))
    return json === true ? sayJson(events) : events.forEach(say)
  }
  const { listStorms } = await import('@forewarn/simulators/shipped-storms')
  const storms = listStorms()
  if (json === true) return sayJson(storms)
  const rows = storms.map(({ name, minutes, rainMm, peakDepthM, title }) => [
    name,
    `${minutes} min`,
    rainMm === null ? '-' : `${rainMm} mm`,
    `${peakDepthM} m`,
    `${title.zh}  ${title.en}`,
  ])
  for (const row of table([['name', 'length', 'rain', 'deepest', 'what it is'], ...rows])) say(row)
}

async function read(source: string, event: string | undefined): Promise<Recording> {
  const { readRecording } = await import('@forewarn/simulators/recording')
  return readable(() => readRecording(source, event === undefined ? {} : { event }))
}

/** A recording that cannot be used is the person's to put right, in one line. */
async function readable<T>(reading: () => Promise<T>): Promise<T> {
  const { RecordingError } = await import('@forewarn/simulators/recording-file')
  return reading().catch((error: unknown) => {
    throw error instanceof RecordingError ? new WrongUse(error.message, { cause: error }) : error
  })
}

function beginOf(when: string | undefined, { startMs, endMs }: Recording): number | undefined {
  if (when === undefined) return undefined
  const atMs = /^\d+(\.\d+)?$/.test(when) ? startMs + Number(when) * 60_000 : Date.parse(when)
  if (atMs >= startMs && atMs < endMs) return atMs
  throw new WrongUse(`--from=${when} is not within the recording: ${isoMinute(startMs)} to ${isoMinute(endMs)}`)
}

function minutesOf(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const minutes = Number(text)
  if (text.trim() !== '' && minutes >= 0 && Number.isFinite(minutes)) return minutes * 60_000
  throw new WrongUse(`${flag}=${text} is not a number of minutes`)
}

const usualSpeed = 60

function speedOf({ speed }: Settings, flags: PlayFlags): number {
  const { flags: given, variables } = sourceOf(flags)
  return given['speed'] === undefined && !variables['FOREWARN_SPEED'] ? usualSpeed : speed
}

/** A drill beside a house that runs takes free ports, unless ports were named for it. */
async function withFreePorts(settings: Settings, flags: PlayFlags): Promise<Settings> {
  const { host, mqttPort, httpPort } = settings
  const { flags: given } = sourceOf(flags)
  const freeOr0 = async (port: number, isGiven: boolean) =>
    isGiven || (await tryListen({ host, port })) === undefined ? port : 0
  return {
    ...settings,
    mqttPort: await freeOr0(mqttPort, given['mqttPort'] !== undefined),
    httpPort: await freeOr0(httpPort, given['httpPort'] !== undefined),
  }
}

interface Teller {
  started(drill: Drill): void
  warning(warning: Warning): void
}

/** Tells each new line of each warning's timeline as it comes. */
function teller({ recording, bar, quiet }: { recording: Recording; bar: { clear(): void }; quiet: boolean }): Teller {
  const linesTold = new Map<string, number>()
  const names = new Map<string, string>()
  const line = (text: string) => {
    bar.clear()
    if (!quiet) say(text)
  }
  return {
    started({ house, made }) {
      for (const { id, name } of made.district.places) names.set(id, `${name.zh} ${name.en}`)
      line(`${recording.event}: replay, ${recording.messages.length} readings`)
      line(`  console   ${house.consoleUrl}   sign in as ${house.officer.name}, password: ${house.officer.password}`)
    },
    warning({ id, placeId, level, timeline }) {
      const before = linesTold.get(id) ?? 0
      linesTold.set(id, timeline.length)
      for (const { atMs, event, detail } of timeline.slice(before))
        line(`${isoMinute(atMs)}  ${level.padEnd(7)}  ${names.get(placeId) ?? placeId}: ${event}, ${detail.en}`)
    },
  }
}

const isoMinute = (atMs: number) => new Date(atMs).toISOString().slice(0, 16).replace('T', ' ')

function forPrograms({ summary, storedReadings, warnings, score }: DrillResult) {
  return { summary, storedReadings, warnings, score }
}

function sayResult({ summary, storedReadings, warnings, score }: DrillResult): void {
  const { counts, pod, far, leadMinMedian } = score
  const share = (value: number | null) => (value === null ? 'not known' : `${Math.round(value * 100)} %`)
  say(`\n${summary.event}: ${summary.complete ? 'played to its end' : 'stopped early'}`)
  const rows = [
    ['readings told', `${summary.told} of ${summary.total}, ${storedReadings} stored`],
    ['warnings', String(warnings.length)],
    [
      'outcomes',
      Object.entries(counts)
        .map(([outcome, count]) => `${count} ${outcome}`)
        .join(', ') || 'none yet',
    ],
    ['events warned of (POD)', share(pod)],
    ['false alarms (FAR)', share(far)],
    ['lead time, median', leadMinMedian === null ? 'not known' : `${leadMinMedian.toFixed(0)} min`],
  ]
  for (const row of table(rows.map(([name, value]) => [`  ${name}`, value ?? '']))) say(row)
}
