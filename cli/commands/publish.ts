/**
 * `forewarn publish`: one reading by hand, on the same way as a gateway's: MQTT, QoS 1, with the gateway's own
 * password. Then it looks whether the house refused it.
 */
import type { District } from '@forewarn/contracts/district'
import type { QuarantineReport } from '@forewarn/contracts/health'
import { quantities } from '@forewarn/contracts/quantity'
import { topicOf } from '@forewarn/contracts/topics'
import { Command } from 'commander'
import { exitCodes, WrongUse } from '../exit-codes.ts'
import { askQuarantine, askTime, findHouse, type HouseDoor } from '../running-house.ts'
import { settingsOf, withSettingFlags } from '../setting-flags.ts'
import { complain, say } from '../terminal.ts'

export function publishCommand(): Command {
  return withSettingFlags(new Command('publish'))
    .summary('send one reading by hand to the house that runs here')
    .description('Sends one reading over MQTT to the house that runs in the data folder, and says what became of it.')
    .argument('<sensor>', 'id of the sensor')
    .argument('<value>', 'value, in the unit of its quantity')
    .option('--at <time>', 'when it was measured, ISO 8601; without it the house’s time now')
    .option('--gateway <id>', 'gateway to send as; without it the one the sensor belongs to')
    .addHelpText('after', '\nExample:\n  forewarn publish tidal-04.level 0.28')
    .action(publish)
}

interface ByHand {
  readonly sensor: string
  readonly value: number
  readonly measuredAtMs: number
  readonly gateway: string
  readonly unit: string | undefined
}

async function publish(sensorId: string, valueText: string, options: Record<string, unknown>): Promise<void> {
  const settings = settingsOf(options)
  const value = Number(valueText)
  if (valueText.trim() === '' || !Number.isFinite(value)) throw new WrongUse(`${valueText} is not a number`)
  const door = await findHouse(settings.dataDir)
  if (door === undefined)
    throw new WrongUse(
      `no house runs in ${settings.dataDir}: start one with forewarn start, or name its folder with --data-dir`,
    )
  const { districtFor } = await import('../district.ts')
  const district = await districtFor(settings)
  const known = district.sensors.find(sensor => sensor.id === sensorId)
  const reading: ByHand = {
    sensor: sensorId,
    value,
    measuredAtMs: await timeOf(options['at'], door),
    gateway: gatewayOf(options['gateway'], known),
    unit: known === undefined ? undefined : quantities[known.quantity].unit,
  }
  await sendAndLook(reading, door)
}

function gatewayOf(given: unknown, sensor: District['sensors'][number] | undefined): string {
  if (typeof given === 'string') return given
  if (sensor !== undefined) return sensor.gateway
  throw new WrongUse(
    'no such sensor in the district: check the id, or name a gateway with --gateway to send it all the same',
  )
}

async function timeOf(given: unknown, door: HouseDoor): Promise<number> {
  if (typeof given === 'string') {
    const atMs = Date.parse(given)
    if (Number.isNaN(atMs)) throw new WrongUse(`--at=${given} is not a time; write 2026-07-01T12:00:00Z`)
    return atMs
  }
  const time = await askTime(door)
  if (typeof time === 'string') throw new WrongUse(`the house runs, but ${time}`)
  return time.nowMs
}

async function sendAndLook(reading: ByHand, door: HouseDoor): Promise<void> {
  const before = await askQuarantine(door)
  const topic = await send(reading, door)
  const after = await askQuarantine(door)
  say(
    `acknowledged: ${reading.sensor} = ${reading.value} ${reading.unit ?? ''} at ${new Date(reading.measuredAtMs).toISOString()} on ${topic}`,
  )
  const unknown = (trouble: string) => complain(`whether it was refused is not known: ${trouble}`)
  if (typeof before === 'string') return unknown(before)
  if (typeof after === 'string') return unknown(after)
  const refusal = newRefusal({ before, after, reading })
  if (refusal === undefined) return
  complain(`${refusal.kept ? 'kept, but set aside as' : 'refused:'} ${refusal.reason} (${refusal.detail})`)
  process.exitCode = exitCodes.trouble
}

/** Sends the reading and resolves with its topic once the house has acknowledged it. Throws WrongUse when it does not. */
async function send(
  { sensor, value, measuredAtMs, gateway, unit }: ByHand,
  { house, secrets }: HouseDoor,
): Promise<string> {
  const password = secrets.gateways[gateway]?.password
  if (password === undefined) throw new WrongUse(`gateway ${gateway} has no password in this house`)
  const topic = topicOf({ district: house.districtId, gateway, channel: 'readings' })
  const url = `mqtt://${house.mqttHost === '0.0.0.0' ? '127.0.0.1' : house.mqttHost}:${house.mqttPort}`
  try {
    const { connectAsync } = await import('mqtt')
    // The gateway itself may be connected as well: a client id of our own leaves it alone.
    const clientId = `${gateway}/by-hand-${process.pid}`
    const client = await connectAsync(url, {
      username: gateway,
      password,
      clientId,
      protocolVersion: 4,
      reconnectPeriod: 0,
    })
    const record = { n: sensor, ...(unit === undefined ? {} : { u: unit }), v: value, t: measuredAtMs / 1000 }
    await client.publishAsync(topic, JSON.stringify([record]), { qos: 1 })
    await client.endAsync()
    return topic
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new WrongUse(`the broker at ${url} did not take it: ${why}`, { cause })
  }
}

/** The newest entry for this sensor and gateway that was not there before. */
function newRefusal({
  before,
  after,
  reading,
}: {
  before: QuarantineReport
  after: QuarantineReport
  reading: ByHand
}) {
  const seen = new Set(before.newest.map(entry => JSON.stringify(entry)))
  return after.newest.find(
    entry =>
      entry.gateway === reading.gateway && entry.original.includes(reading.sensor) && !seen.has(JSON.stringify(entry)),
  )
}
