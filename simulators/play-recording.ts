/** Plays a recording into the house: each message is pushed by its gateway when the drill clock reaches its arrival. */
import type { District } from '@forewarn/contracts/district'
import type { SenmlReading } from '@forewarn/contracts/senml'
import { districtForRecording } from './make-district.ts'
import { type Pace, pacedMs } from './pace.ts'
import { type Pusher, startPusher } from './pusher.ts'
import type { Recording, RecordingMessage } from './recording.ts'

export interface PlayProgress {
  /** House time. */
  readonly atMs: number
  readonly told: number
  readonly total: number
}

export interface PlayOptions {
  readonly recording: Recording
  /** Stands at `recording.startMs` when the play begins; what is already past is told at once. */
  readonly clock: Pace
  readonly pushUrl: string
  readonly pushToken: string
  /** Whose gateways speak; that of `districtForRecording` unless given. */
  readonly district?: District
  readonly onProgress?: (progress: PlayProgress) => void
  /** Ends the play early. */
  readonly signal?: AbortSignal
}

export interface PlaySummary {
  readonly event: string
  /** Messages in the recording, and those of them that were told. */
  readonly total: number
  readonly told: number
  /** Of sensors that the district does not have. */
  readonly strangers: number
  readonly failures: number
  readonly dropped: number
  readonly endedAtMs: number
  /** False when the signal ended it. */
  readonly complete: boolean
}

/** Resolves when the last message was taken by the edge agent, or soon after the signal. */
export async function playRecording(options: PlayOptions): Promise<PlaySummary> {
  const { recording, clock, signal, onProgress = () => {} } = options
  const district = options.district ?? districtForRecording(recording, { seed: 0 }).district
  const gatewayOf = new Map(district.sensors.map(({ id, gateway }) => [id, gateway]))
  const messages = recording.messages.filter(({ sensorId }) => gatewayOf.has(sensorId))
  const pusher = startPusher(options)
  const beganAtMs = clock.nowMs()
  let told = 0
  const tell = () => {
    const nowMs = clock.nowMs()
    const from = told
    while ((messages[told]?.arrivesAtMs ?? Number.POSITIVE_INFINITY) <= nowMs) told += 1
    const due = messages.slice(from, told)
    // A play that begins in the middle tells what came before as history.
    const isHistory = ({ arrivesAtMs }: RecordingMessage) => arrivesAtMs < beganAtMs
    pushByGateway(pusher, { messages: due.filter(isHistory), gatewayOf, backlog: true })
    pushByGateway(pusher, { messages: due.filter(message => !isHistory(message)), gatewayOf, backlog: false })
    onProgress({ atMs: nowMs, told, total: messages.length })
    return told === messages.length
  }
  const complete = await repeatUntil(tell, { clock, signal })
  if (complete) await Promise.race([pusher.idle(), aborted(signal)])
  const { failures, dropped } = pusher.figures()
  pusher.stop()
  return {
    event: recording.event,
    total: recording.messages.length,
    told,
    strangers: recording.messages.length - messages.length,
    failures,
    dropped,
    endedAtMs: clock.nowMs(),
    complete: complete && signal?.aborted !== true,
  }
}

interface Telling {
  readonly messages: readonly RecordingMessage[]
  readonly gatewayOf: ReadonlyMap<string, string>
  readonly backlog: boolean
}

function pushByGateway(pusher: Pusher, { messages, gatewayOf, backlog }: Telling): void {
  const packs = new Map<string, SenmlReading[]>()
  for (const { sensorId, measuredAtMs, value } of messages) {
    const gateway = gatewayOf.get(sensorId) ?? ''
    const pack = packs.get(gateway) ?? []
    pack.push({ name: sensorId, timeMs: measuredAtMs, value })
    packs.set(gateway, pack)
  }
  for (const [gateway, readings] of packs) pusher.add(gateway, readings, { backlog })
}

/** Does the deed every house second until it says it is done; resolves false when the signal came first. */
function repeatUntil(
  deed: () => boolean,
  { clock, signal }: { clock: Pace; signal: AbortSignal | undefined },
): Promise<boolean> {
  if (signal?.aborted) return Promise.resolve(false)
  if (deed()) return Promise.resolve(true)
  return new Promise(resolve => {
    const cancel = clock.every(pacedMs(clock, { houseMs: 1000, leastWallMs: 20 }), () => {
      if (!deed()) return
      cancel()
      resolve(true)
    })
    signal?.addEventListener('abort', () => {
      cancel()
      resolve(false)
    })
  })
}

function aborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise(resolve => signal?.addEventListener('abort', () => resolve()))
}
