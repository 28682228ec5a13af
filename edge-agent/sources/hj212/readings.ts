/** Readings out of what a device said in HJ 212: which items of which factors, of which quality. Pure. */
import type { SenmlReading } from '@forewarn/contracts/senml'
import { beijingToUtcMs } from '@forewarn/protocols/beijing-time'
import { type Hj212Message, hj212Time, qualityOfFlag } from '@forewarn/protocols/hj212/message'
import { readingOrMissing } from '../said-missing.ts'
import type { DeviceProfile, DeviceSensor } from './profile.ts'

export interface DeviceReadings {
  readonly readings: readonly SenmlReading[]
  /** Values that are no numbers, with what they were. */
  readonly noNumbers: readonly string[]
}

/** `timeMs`: of the whole message, UTC; see `messageTimeMs`. */
export function readingsOf(message: Hj212Message, { sensors }: DeviceProfile, timeMs: number): DeviceReadings {
  const readings: SenmlReading[] = []
  const noNumbers: string[] = []
  for (const sensor of sensors) {
    const text = message.factors[sensor.factor]?.[sensor.item]
    if (text === undefined) continue
    const reading = readingOfText(sensor, text, { flag: message.factors[sensor.factor]?.['Flag'], timeMs })
    if (reading === undefined) noNumbers.push(`${sensor.factor}-${sensor.item}=${text}`)
    else readings.push(reading)
  }
  return { readings, noNumbers }
}

/** DataTime, else QN, Beijing time; undefined when the message has neither. */
export function messageTimeMs(message: Hj212Message): number | undefined {
  const time = hj212Time(message)
  return time === undefined ? undefined : beijingToUtcMs(time)
}

function readingOfText(
  sensor: DeviceSensor,
  text: string,
  { flag, timeMs }: { flag: string | undefined; timeMs: number },
): SenmlReading | undefined {
  if (!/^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/.test(text)) return undefined
  const quality = qualityOfFlag(flag)
  // No communication with the instrument: the number beside it is the last one, or zero.
  const reading = readingOrMissing(sensor, quality === 'missing' ? undefined : Number(text), timeMs)
  return reading.quality !== undefined || quality === 'good' ? reading : { ...reading, quality }
}
