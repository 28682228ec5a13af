/**
 * Readings as InfluxDB line protocol, and text as InfluxQL takes it. The only place where text enters a line or a
 * query, so the only one that must escape.
 *
 *   reading,s=<sensor> v=<value>,q=<quality>i,r=<received at, ms>i <measured at, ms>
 *
 * One short tag: what a sensor is stands in the registry, and four tags make writing twice as dear.
 */
import type { ReadingBatch } from '@forewarn/contracts/reading'

export const measurement = 'reading'

/**
 * A sensor id as a tag value. Line protocol has no escape for control characters, and a backslash at the end of a
 * value swallows the separator: both become %XX, as in a URL. Ids of the registry have neither and stay as they are.
 */
export function tagOf(id: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not pass
  return id.replace(/[\u0000-\u001f\u007f\\%]/g, character => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
  })
}

/** What stands before the fields of a sensor's lines. Line protocol escapes comma, equals sign and space in tags. */
export function seriesOf(id: string): string {
  return `${measurement},s=${tagOf(id).replace(/[,= ]/g, character => `\\${character}`)}`
}

/** A string literal of InfluxQL. */
export function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, character => `\\${character}`).replace(/\n/g, '\\n')}'`
}

/** An identifier of InfluxQL. */
export function identifier(name: string): string {
  return `"${name.replace(/["\\]/g, character => `\\${character}`).replace(/\n/g, '\\n')}"`
}

/**
 * Readings as lines, in order, split into `lanes` so that all lines of one sensor are in the same lane: lanes may be
 * sent at the same time, and still the last of two readings with the same time wins.
 * `series` is `seriesOf` each sensor index. Throws RangeError for an index that has none.
 */
export function linesOf(
  batches: readonly ReadingBatch[],
  { series, lanes }: { series: readonly string[]; lanes: number },
): string[][] {
  const split: string[][] = Array.from({ length: lanes }, () => [])
  for (const batch of batches) {
    const received = Math.round(batch.receivedAtMs)
    let ending = ''
    for (let row = 0; row < batch.sensor.length; row++) {
      const sensor = batch.sensor[row] ?? -1
      const start = series[sensor]
      if (start === undefined) throw new RangeError(`sensor index ${sensor} is not in the registry`)
      // Most readings of a message share their time and quality: writing these numbers is half the cost of a line.
      if (row === 0 || !sameEnding(batch, row)) {
        ending = `q=${batch.quality[row] ?? 0}i,r=${received}i ${Math.round(batch.measuredAtMs[row] ?? 0)}`
      }
      const value = batch.value[row] ?? Number.NaN
      // InfluxDB has no NaN: a reading without a value has no field `v`.
      split[sensor % lanes]?.push(Number.isFinite(value) ? `${start} v=${value},${ending}` : `${start} ${ending}`)
    }
  }
  return split
}

function sameEnding({ quality, measuredAtMs }: ReadingBatch, row: number): boolean {
  return quality[row] === quality[row - 1] && measuredAtMs[row] === measuredAtMs[row - 1]
}
