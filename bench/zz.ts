import { openInfluxStore } from '@forewarn/store/influx'
import { startInfluxServer } from '@forewarn/store/influx-server'

const server = await startInfluxServer()
const N = 50000
const sensors = Array.from({ length: N }, (_, i) => ({ id: `sensor-${i}` }))
const store = await openInfluxStore({ url: server.url, version: '1', database: 'b', sensors })
const T = Date.UTC(2026, 6, 1, 2)
const mk = (n: number, at: number) => ({
  gateway: 0,
  receivedAtMs: at + 200,
  sequence: -1,
  sensor: Uint32Array.from({ length: n }, (_, i) => i % N),
  measuredAtMs: new Float64Array(n).fill(at),
  value: Float64Array.from({ length: n }, (_, i) => (i % 4000) / 1000),
  quality: new Uint8Array(n),
})
const c = process.cpuUsage()
const t = performance.now()
for (let r = 0; r < 20; r++) await store.write([mk(N, T + r * 5000)])
const u = process.cpuUsage(c)
const wall = (performance.now() - t) / 1000
console.log(
  'influx 1M rows',
  wall.toFixed(2),
  's',
  (1 / wall).toFixed(2),
  'M/s client cpu',
  ((u.user + u.system) / 1e6).toFixed(2),
)
const time = async (w: string, f: () => Promise<unknown>) => {
  const t = performance.now()
  const a = await f()
  console.log(w, (performance.now() - t).toFixed(0), 'ms', Array.isArray(a) ? a.length : a)
}
await time('count', () => store.count())
await time('latest 400', () => store.latest(Array.from({ length: 400 }, (_, i) => i * 7)))
await time('latest 2000', () => store.latest(Array.from({ length: 2000 }, (_, i) => i * 7)))
await time('latest all 50k', () => store.latest(undefined))
await time('range', () => store.range({ sensor: 9, fromMs: T, toMs: T + 1e7 }))
await store.close()
await server.stop()
