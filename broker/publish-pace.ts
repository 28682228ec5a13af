/**
 * How fast one connection may publish: a bucket of messages and one of bytes, each holding ten seconds' worth. Whoever
 * empties one is not read until it has filled again: nothing is dropped, TCP makes the sender wait.
 */

export interface PaceLimits {
  readonly publishesPerSecond: number
  readonly publishBytesPerSecond: number
}

const bucketS = 10

/** Takes a message of so many bytes at a time on any steady clock (ms). Returns how long to stop reading, ms. */
export function publishPace({ publishesPerSecond, publishBytesPerSecond }: PaceLimits, startMs: number) {
  let messages = publishesPerSecond * bucketS
  let bytes = publishBytesPerSecond * bucketS
  let filledAtMs = startMs
  return (size: number, atMs: number): number => {
    const elapsedS = Math.max(0, atMs - filledAtMs) / 1000
    filledAtMs = atMs
    messages = Math.min(publishesPerSecond * bucketS, messages + elapsedS * publishesPerSecond) - 1
    bytes = Math.min(publishBytesPerSecond * bucketS, bytes + elapsedS * publishBytesPerSecond) - size
    const waitS = Math.max(-messages / publishesPerSecond, -bytes / publishBytesPerSecond, 0)
    return waitS * 1000
  }
}
