/**
 * Appends to the journal in argv[2] until the system refuses a write, then appends something that still fits.
 * Prints what was acknowledged and how the refusal was named. Started with a file size limit by `kill.test.ts`.
 */
import { writeSync } from 'node:fs'
import { openJournal } from './journal.ts'

// Without a handler the limit kills the process; with one the write fails with EFBIG, like a disk that is full.
process.on('SIGXFSZ', () => {})

const [, , dir = ''] = process.argv
const journal = await openJournal({ dir, nowMs: () => 0 })

async function appended(text: string, bytes: number): Promise<boolean> {
  try {
    await journal.append(Buffer.from(text.padEnd(bytes, '.')))
    writeSync(1, `${text}\n`)
    return true
  } catch (error) {
    writeSync(1, `refused: ${error instanceof Error && 'code' in error ? error.code : error}\n`)
    return false
  }
}

for (let number = 0; await appended(`record ${number}`, 900); number++);
await appended('a short one', 20)
await journal.close()
