/**
 * What the gateways of the load say: payloads whose long part is made once and used again, with new times in front.
 */

/** The payload of the next batch, in parts, all measured at `atMs` or a few ms later. */
export type MakePayload = (atMs: number) => readonly Buffer[]

/** Other values the next time round, so that nobody compresses a constant. */
const variants = 3

/**
 * The time of a batch, later than all of the batch before it: a generator that was held up sends two within a
 * millisecond, and the same sensor at the same time is one reading, not two.
 */
function timesApart(sensors: number, count: number): (atMs: number) => number {
  const spanMs = Math.ceil(count / sensors)
  let next = 0
  return atMs => {
    const time = Math.max(atMs, next)
    next = time + spanMs
    return time
  }
}

const valueOf = (sensor: number, variant: number) => (((sensor + variant * 31 + 1) * 7919) % 1000) / 10_000

/** SenML: each batch takes the next `count` sensors; a sensor that comes again in it is measured a ms later. */
export function senmlPayloads(sensors: readonly string[], count: number): MakePayload {
  const timeOf = timesApart(sensors.length, count)
  const made = new Map<number, Buffer>()
  let next = 0
  let round = 0
  const record = (i: number) => {
    const later = Math.floor(i / sensors.length)
    const sensor = (next + i) % sensors.length
    const time = later > 0 ? `"t":${later / 1000},` : ''
    return `${time}"n":"${sensors[sensor]}","v":${valueOf(sensor, round % variants)}}`
  }
  return atMs => {
    const key = next * variants + (round % variants)
    let body = made.get(key)
    if (body === undefined) {
      body = Buffer.from(`${Array.from({ length: count }, (_, i) => record(i)).join(',{')}]`)
      made.set(key, body)
    }
    next = (next + count) % sensors.length
    round++
    return [Buffer.from(`[{"bt":${(timeOf(atMs) / 1000).toFixed(3)},`), body]
  }
}

/** Columns, whose indices count in a birth message with all sensors; batches of all gateways share their bodies. */
const columnBodies = new Map<string, Buffer>()

export function columnsPayloads(sensors: readonly string[], count: number): MakePayload {
  const timeOf = timesApart(sensors.length, count)
  let next = 0
  let round = 0
  return atMs => {
    const variant = round % variants
    const key = `${next}/${sensors.length}/${count}/${variant}`
    let body = columnBodies.get(key)
    if (body === undefined) {
      const rows = Array.from({ length: count }, (_, i) => i)
      const i = rows.map(row => (next + row) % sensors.length)
      const d = rows.map(row => Math.floor(row / sensors.length))
      const v = i.map(sensor => valueOf(sensor, variant))
      const offsets = d.some(offset => offset > 0) ? `"d":${JSON.stringify(d)},` : ''
      body = Buffer.from(`"i":${JSON.stringify(i)},${offsets}"v":${JSON.stringify(v)}}`)
      columnBodies.set(key, body)
    }
    next = (next + count) % sensors.length
    round++
    return [Buffer.from(`{"birth":1,"seq":${round},"t":${timeOf(atMs)},`), body]
  }
}
