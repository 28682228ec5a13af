/**
 * What a process used, read from /proc (Linux): CPU seconds so far and resident memory.
 */
import { readFile } from 'node:fs/promises'

// sysconf(_SC_CLK_TCK) is 100 on every Linux that Node supports.
const ticksPerSecond = 100

/** CPU seconds of the process and its threads so far. */
export async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

/** Resident memory in MB (10^6 bytes). */
export async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return (Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) * 1024) / 1e6
}
