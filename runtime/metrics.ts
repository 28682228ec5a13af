/**
 * Counters and gauges in Prometheus' text format. One registry per house, given to every process, so that tests
 * start as many houses as they like.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

export interface Metrics {
  /** A counter; asking twice for one name gives the same one. Names end in `_total`. */
  counter(name: string, help: string, labels?: string[]): Counter
  gauge(name: string, help: string, labels?: string[]): Gauge
  /** A histogram of seconds. */
  histogram(name: string, help: string, bucketsS: number[]): Histogram
  /** Everything, in Prometheus' text format. */
  text(): Promise<string>
}

/** A new, empty registry. `withProcess` adds memory, CPU and event-loop figures of this process. */
export function createMetrics({ withProcess = false }: { withProcess?: boolean } = {}): Metrics {
  const registry = new Registry()
  if (withProcess) collectDefaultMetrics({ register: registry, prefix: 'forewarn_' })
  const registers = [registry]
  const once = <T>(name: string, make: () => T, is: (metric: unknown) => metric is T): T => {
    const known: unknown = registry.getSingleMetric(name)
    return is(known) ? known : make()
  }
  return {
    counter: (name, help, labelNames = []) =>
      once(
        name,
        () => new Counter({ name, help, labelNames, registers }),
        m => m instanceof Counter,
      ),
    gauge: (name, help, labelNames = []) =>
      once(
        name,
        () => new Gauge({ name, help, labelNames, registers }),
        m => m instanceof Gauge,
      ),
    histogram: (name, help, buckets) =>
      once(
        name,
        () => new Histogram({ name, help, buckets, registers }),
        m => m instanceof Histogram,
      ),
    text: () => registry.metrics(),
  }
}
