/**
 * A process that writes readings until it is killed, for the test of what survives: it says each number on a line
 * once the write that holds it is acknowledged. `node crash-writer.ts <folder> <first number>`
 */
import { openEmbeddedStore } from './embedded.ts'

const [dir = '', first = '0'] = process.argv.slice(2)
const rowsPerWrite = 400
// Small blocks, so that the kill meets settling as often as writing.
const store = await openEmbeddedStore({
  dir,
  sensors: [{ id: 'gauge' }, { id: 'rain' }],
  memoryMb: 64,
  blockRows: 1000,
})
for (let number = Number(first); ; number++) {
  const rows = Array.from({ length: rowsPerWrite }, (_, i) => number * rowsPerWrite + i)
  await store.write([
    {
      gateway: 0,
      receivedAtMs: 0,
      sequence: number,
      sensor: Uint32Array.from(rows, row => row % 2),
      measuredAtMs: Float64Array.from(rows, row => row),
      value: Float64Array.from(rows, row => row / 4),
      quality: new Uint8Array(rowsPerWrite),
    },
  ])
  process.stdout.write(`${number}\n`)
}
