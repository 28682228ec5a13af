import { beijingDigits } from '@forewarn/protocols/beijing-time'
import { type FrameToWrite, readFrame, writeFrame } from '@forewarn/protocols/sl651/frame'
import { changingFuncs } from '@forewarn/protocols/sl651/functions'
import { handClock } from '@forewarn/runtime/clock'
import { describe, expect, test } from 'vitest'
import { readProfile } from '../profiles.ts'
import { startSource } from '../source-fixture.ts'

const nowMs = Date.UTC(2026, 10, 22, 3, 0, 2)
const obsMs = Date.UTC(2026, 10, 22, 3, 0)

const profile = `
source: sl651
gateway: gw-1
listen: { port: 0 }
center: 1
stations:
  - station: "0012345678"
    password: "1234"
    sensors:
      - { read: PT, as: rain, sensor: rain-1, unit: mm }
      - { read: PT, as: rain-rate, sensor: rain-rate-1 }
      - { read: Z, sensor: depth-1, unit: m, never: [99.999] }
      - { read: F5, sensor: depth-1 }
      - { read: ZT.10, sensor: pump-1, scale: -1, offset: 1 }
`

const address = 'F1F1001234567848'

/** A frame of the station, sent at `sentMs`, with an observation time and what follows it. */
function frame(
  elementsHex: string,
  more: Partial<FrameToWrite> & { sentMs?: number; serial?: string } = {},
): Uint8Array {
  const { sentMs = nowMs, serial = '0007', ...rest } = more
  const observed = `F0F0${beijingDigits(Math.floor(sentMs / 60_000) * 60_000).slice(0, 10)}`
  const hex = `${serial}${beijingDigits(sentMs)}${elementsHex === '' ? '' : address + observed + elementsHex}`
  const body = Buffer.from(hex.replaceAll(' ', ''), 'hex')
  const station = { center: 1, station: '0012345678', password: '1234' } as const
  return writeFrame({ coding: 'hex', direction: 'up', ...station, func: '32', start: 'STX', end: 'ETX', body, ...rest })
}

function start(yaml = profile) {
  const clock = handClock(nowMs)
  return startSource(yaml, { clock }).then(started => Object.assign(started, { clock }))
}

function answer(bytes: Uint8Array) {
  const read = readFrame(bytes)
  return read.kind === 'frame' ? read.frame : read.kind
}

/** A confirmation has a text of 8 bytes. */
const confirmationBytes = 25

describe('reports', () => {
  test('a report is kept, then confirmed under its serial number', async () => {
    await using started = await start()
    const device = await started.device()
    device.send(frame('3923 00014420 4520 00000400'))
    const confirmed = answer(await device.heard(confirmationBytes))
    expect(confirmed).toMatchObject({ direction: 'down', station: '0012345678', func: '32', end: 'EOT' })
    expect(Buffer.from(typeof confirmed === 'string' ? '' : confirmed.body).toString('hex')).toBe(
      `0007${beijingDigits(nowMs)}`,
    )
    expect(started.taken).toEqual([
      { gateway: 'gw-1', backlog: false, name: 'depth-1', timeMs: obsMs, value: 14.42, unit: 'm' },
      { gateway: 'gw-1', backlog: false, name: 'pump-1', timeMs: obsMs, value: 0 },
    ])
  })

  test('what the disk refused is not confirmed, and the station’s resend is taken', async () => {
    await using started = await start()
    const device = await started.device()
    started.diskFull = true
    device.send(frame('3923 00014420'))
    device.send(frame('', { func: '2F' }))
    // Both have been dealt with once a refusal behind them is counted.
    device.send(frame('', { station: '0000000001' }))
    await started.until(() => started.refused.length === 1)
    expect(device.received()).toHaveLength(0)
    started.diskFull = false
    device.send(frame('3923 00014420'))
    await device.heard(confirmationBytes)
    expect(started.taken).toHaveLength(1)
    expect(started.source.status().counts).toMatchObject({ notKept: 1, confirmed: 1 })
  })

  test('half a frame waits for its other half, and several in one piece are all answered', async () => {
    await using started = await start()
    const device = await started.device()
    const bytes = Buffer.concat([
      frame('3923 00001000'),
      Uint8Array.of(0x7e),
      frame('3923 00002000', { sentMs: nowMs + 300_000 }),
    ])
    device.send(bytes.subarray(0, 20))
    device.send(bytes.subarray(20))
    await device.heard(2 * confirmationBytes)
    expect(started.taken.map(({ value }) => value)).toEqual([1, 2])
    expect(started.refused).toEqual([])
    expect(started.source.status().counts).toMatchObject({ strayBytes: 1 })
  })

  test.each([
    ['another checksum', Uint8Array.from(frame('3923 00001000')).fill(0, -1), 'no-frame'],
    ['another station', frame('3923 00001000', { station: '0000000001' }), 'unknown-station'],
    ['another key', frame('3923 00001000', { password: '0000' }), 'wrong-key'],
    ['another centre', frame('3923 00001000', { center: 9 }), 'wrong-centre'],
    ['a centre of its own', frame('', { direction: 'down', end: 'EOT' }), 'wrong-direction'],
    ['a text that ends too early', frame('3923 0000'), 'unreadable-text'],
  ])('a frame with %s gets no reply and is kept to be looked at', async (_, bytes, reason) => {
    await using started = await start()
    const device = await started.device()
    device.send(bytes)
    await started.until(() => started.refused.length === 1)
    expect(started.refused).toMatchObject([{ reason }])
    expect(Buffer.from(started.refused[0]?.original ?? '')).toEqual(Buffer.from(bytes))
    device.send(frame('3923 00001000'))
    expect(await device.heard(confirmationBytes)).toHaveLength(confirmationBytes)
    expect(started.taken).toHaveLength(1)
  })

  test('a station that speaks in ASCII coding is confirmed in ASCII coding', async () => {
    await using started = await start()
    const device = await started.device()
    const text = `0007${beijingDigits(nowMs)} ST 0012345678 H TT ${beijingDigits(obsMs).slice(0, 10)} Z -0.345 `
    const bytes = frame('', { coding: 'ascii', body: Buffer.from(text) })
    device.send(bytes.subarray(0, 9))
    device.send(bytes.subarray(9))
    const asciiConfirmation = 1 + 22 + 1 + 16 + 1 + 4
    expect(answer(await device.heard(asciiConfirmation))).toMatchObject({ coding: 'ascii', end: 'EOT', func: '32' })
    expect(started.taken).toMatchObject([{ name: 'depth-1', timeMs: obsMs, value: -0.345 }])
  })

  test('a keep-alive is not answered', async () => {
    await using started = await start()
    const device = await started.device()
    device.send(frame('', { func: '2F' }))
    device.send(frame('3923 00001000'))
    expect(await device.heard(1)).toHaveLength(confirmationBytes)
    expect(started.source.status().counts).toMatchObject({ keepAlives: 1, frames: 2 })
  })

  test('a station of mode M1 is not confirmed', async () => {
    await using started = await start(profile.replace('password: "1234"', 'confirm: false'))
    const device = await started.device()
    device.send(frame('3923 00001000'))
    await started.until(() => started.taken.length === 1)
    expect(started.source.status().counts).not.toHaveProperty('confirmed')
  })

  test('half a frame for ten seconds is noise, and the next whole one is taken', async () => {
    await using started = await start()
    const device = await started.device()
    // A damaged length: it waits for bytes that never come.
    const longer = Uint8Array.from(frame('3923 00001000'))
    longer[11] = 0x0f
    device.send(Buffer.concat([frame('3923 00001000'), longer]))
    await device.heard(confirmationBytes)
    started.clock.advance(10_000)
    await started.until(() => started.refused.length === 1)
    expect(started.refused).toMatchObject([{ reason: 'no-frame', detail: 'the frame was never completed' }])
    device.send(frame('3923 00001000'))
    await device.heard(2 * confirmationBytes)
    expect(started.taken).toHaveLength(2)
  })

  test('a connection that ends within a frame is noise too', async () => {
    await using started = await start()
    const device = await started.device()
    device.send(frame('3923 00001000').subarray(0, 30))
    device.close()
    await started.until(() => started.refused.length > 0)
    expect(started.refused.map(({ reason }) => reason)).toEqual(['no-frame'])
  })
})

describe('readings', () => {
  async function taken(...frames: Uint8Array[]) {
    await using started = await start()
    const device = await started.device()
    for (const bytes of frames) device.send(bytes)
    await device.heard(frames.length * confirmationBytes)
    return { taken: started.taken, refused: started.refused.map(({ reason }) => reason) }
  }

  test('a value the station does not have, or that stands for none, is missing and never a number', async () => {
    const { taken: readings } = await taken(frame('3923 FFFFFFFF'), frame('3923 00099999', { sentMs: nowMs + 60_000 }))
    expect(readings).toMatchObject([
      { name: 'depth-1', value: Number.NaN, quality: 'missing' },
      { name: 'depth-1', value: Number.NaN, quality: 'missing' },
    ])
  })

  test('a level of a meter that the station says is at fault is suspect', async () => {
    const { taken: readings } = await taken(frame('3923 00001000 4520 00000040'))
    expect(readings[0]).toMatchObject({ name: 'depth-1', value: 1, quality: 'suspect' })
  })

  test('digits that are no BCD give no number and are kept to be looked at', async () => {
    const found = await taken(frame('3923 000A1000'))
    expect(found).toMatchObject({ taken: [{ quality: 'missing' }], refused: ['digits-are-no-bcd'] })
  })

  test('the hour’s levels are held back ones, each at its own five minutes, and gaps stay gaps', async () => {
    const hour = `F5C0 ${'0064'.repeat(2)} FFFF ${'0065'.repeat(8)} 0078`
    const { taken: readings } = await taken(frame(hour, { func: '34' }))
    const held = readings.filter(({ backlog }) => backlog)
    const live = readings.filter(({ backlog }) => !backlog)
    expect(held.map(({ timeMs }) => (obsMs - timeMs) / 60_000)).toEqual([55, 50, 40, 35, 30, 25, 20, 15, 10])
    expect(live.map(({ timeMs, value }) => [(obsMs - timeMs) / 60_000, value])).toEqual([
      [5, 1.01],
      [0, 1.2],
    ])
  })

  test('a station with a wrong clock says what is now; its series are not believed', async () => {
    const yearsAgo = Date.UTC(2014, 0, 1)
    const found = await taken(frame(`F5C0 ${'0064'.repeat(12)}`, { func: '34', sentMs: yearsAgo }))
    expect(found.taken.map(({ timeMs }) => timeMs)).toEqual([yearsAgo - 300_000, yearsAgo])
    expect(found.refused).toEqual(['series-of-a-wrong-clock'])
  })

  test('rain is the difference of totals, also across the end of the digits', async () => {
    const at = (minutes: number) => nowMs + minutes * 60_000
    const { taken: readings, refused } = await taken(
      frame('2621 00999990', { sentMs: at(0) }),
      frame('2621 00999998', { sentMs: at(5) }),
      frame('2621 00999998', { sentMs: at(5) }),
      frame('2621 00000012', { sentMs: at(10) }),
      frame('2621 00000000', { sentMs: at(15) }),
      frame('2621 00000005', { sentMs: at(20) }),
    )
    const rain = readings.filter(({ name }) => name === 'rain-1')
    expect(rain.map(({ value }) => value)).toEqual([0.8, 1.4, 0.5])
    expect(readings.filter(({ name }) => name === 'rain-rate-1').map(({ value }) => value)).toEqual([9.6, 16.8, 6])
    expect(new Set(refused)).toEqual(new Set(['rain-total-reset']))
  })

  test('a total that was not kept is not the one to compare with', async () => {
    await using started = await start()
    const device = await started.device()
    device.send(frame('2619 000100'))
    await device.heard(confirmationBytes)
    started.diskFull = true
    device.send(frame('2619 000150', { sentMs: nowMs + 300_000 }))
    device.send(frame('', { station: '0000000001' }))
    await started.until(() => started.refused.length === 1)
    started.diskFull = false
    device.send(frame('2619 000150', { sentMs: nowMs + 300_000 }))
    await device.heard(2 * confirmationBytes)
    expect(started.taken.filter(({ name }) => name === 'rain-1').map(({ value }) => value)).toEqual([5])
  })
})

describe('messages in packets', () => {
  const whole = Buffer.from(
    `0009${beijingDigits(nowMs)}${address}F0F0${beijingDigits(obsMs).slice(0, 10)}392300001000`,
    'hex',
  )
  const packet = (packetNo: number) =>
    frame('', {
      start: 'SYN',
      end: packetNo === 3 ? 'ETX' : 'ETB',
      packets: 3,
      packetNo,
      body: whole.subarray((packetNo - 1) * 11, packetNo === 3 ? undefined : packetNo * 11),
    })
  const nakBytes = confirmationBytes + 3

  test('one confirmation for all of them', async () => {
    await using started = await start()
    const device = await started.device()
    for (const number of [1, 2, 3]) device.send(packet(number))
    expect(answer(await device.heard(confirmationBytes))).toMatchObject({ end: 'EOT', start: 'STX' })
    expect(started.taken).toMatchObject([{ name: 'depth-1', value: 1 }])
  })

  test('a missing packet is asked for by its number, and the message confirmed when it comes', async () => {
    await using started = await start()
    const device = await started.device()
    device.send(packet(1))
    device.send(packet(3))
    expect(answer(await device.heard(nakBytes))).toMatchObject({ end: 'NAK', packets: 3, packetNo: 2 })
    expect(started.taken).toEqual([])
    device.send(packet(2))
    const heard = await device.heard(nakBytes + confirmationBytes)
    expect(answer(heard.subarray(nakBytes))).toMatchObject({ end: 'EOT' })
    expect(started.taken).toMatchObject([{ name: 'depth-1', value: 1 }])
  })

  test('a packet that never comes is asked for twice, then the line is given up', async () => {
    await using started = await start()
    const device = await started.device()
    device.send(packet(1))
    device.send(packet(3))
    await device.heard(nakBytes)
    started.clock.advance(20_000)
    await device.heard(2 * nakBytes)
    started.clock.advance(20_000)
    await device.closed
    expect(started.refused).toMatchObject([
      { reason: 'packets-incomplete', detail: expect.stringMatching(/packet 2 of 3 never came/) },
    ])
    expect(device.received()).toHaveLength(2 * nakBytes)
  })
})

describe('questions', () => {
  const asking = `${profile}    ask: [{ func: "37", every: 10 min }]\n`
  const report = frame('3923 00001000')

  test('a station on line is asked, and its answer taken without a confirmation', async () => {
    await using started = await start(asking)
    const device = await started.device()
    device.send(report)
    await device.heard(confirmationBytes)
    started.clock.advance(600_000)
    const heard = await device.heard(2 * confirmationBytes)
    expect(answer(heard.subarray(confirmationBytes))).toMatchObject({ direction: 'down', func: '37', end: 'ENQ' })
    device.send(frame('3923 00002000', { func: '37', sentMs: nowMs + 600_000 }))
    await started.until(() => started.taken.length === 2)
    started.clock.advance(60_000)
    expect(device.received()).toHaveLength(2 * confirmationBytes)
    expect(started.source.status().counts).toMatchObject({ asked: 1, answered: 1 })
  })

  test('it is asked more often while the house wants its sensors faster', async () => {
    await using started = await start(asking)
    const device = await started.device()
    device.send(report)
    await device.heard(confirmationBytes)
    started.source.pace?.(new Map([['depth-1', 60_000]]))
    started.clock.advance(60_000)
    await device.heard(2 * confirmationBytes)
    device.send(frame('3923 00002000', { func: '37', sentMs: nowMs + 60_000 }))
    await started.until(() => started.taken.length === 2)
    started.source.pace?.(new Map())
    started.clock.advance(599_999)
    expect(started.source.status().counts).toMatchObject({ asked: 1 })
    started.clock.advance(1)
    expect(started.source.status().counts).toMatchObject({ asked: 2 })
  })

  test('without an answer it is asked twice more, then the line is given up', async () => {
    await using started = await start(asking)
    const device = await started.device()
    device.send(report)
    await device.heard(confirmationBytes)
    started.clock.advance(600_000)
    for (const asked of [1, 2, 3]) {
      await device.heard(confirmationBytes * (1 + asked))
      started.clock.advance(20_000)
    }
    await device.closed
    expect(started.source.status().counts).toMatchObject({ asked: 3, unanswered: 1 })
  })
})

describe('what changes a station', () => {
  test.each(changingFuncs)('function %s is no question unless the profile allows it by name', async func => {
    const asking = `${profile}    ask: [{ func: "${func}", every: 10 min }]\n`
    const refused = await readProfile('pump.yaml', asking)
    expect(refused).toMatchObject({ troubles: [{ line: 15, sentence: expect.stringContaining(`allow: ["${func}"]`) }] })
    const allowed = await readProfile('pump.yaml', `${asking}    allow: ["${func}"]\n`)
    expect(allowed).toMatchObject({ prepared: { changes: [`function ${func} of station 0012345678`] } })
  })

  test('what is allowed is sent, and nothing else ever is', async () => {
    await using started = await start(`${profile}    ask: [{ func: "4A", every: 10 min }]\n    allow: ["4A"]\n`)
    const device = await started.device()
    device.send(frame('3923 00001000'))
    await device.heard(confirmationBytes)
    started.clock.advance(600_000)
    const heard = await device.heard(2 * confirmationBytes)
    expect(answer(heard.subarray(confirmationBytes))).toMatchObject({ func: '4A', end: 'ENQ' })
  })
})
