/** Metrics for Prometheus that are read when they are asked for, so that nothing is counted twice. Names get `dewpoint_` before them. */
import { Counter, Gauge, type Registry } from 'prom-client'

type Counts = { [key: string]: number | undefined }

export type MetricKinds = {
  counter(name: string, help: string, read: () => number): void
  gauge(name: string, help: string, read: () => number): void
  /** One counter, or gauge, for each key of what is read. */
  counters(name: string, help: string, label: string, read: () => Counts): void
  gauges(name: string, help: string, label: string, read: () => Counts): void
}

export function metricKinds(registry: Registry): MetricKinds {
  const named = (name: string, help: string) => ({ name: `dewpoint_${name}`, help, registers: [registry] })
  return {
    counter(name, help, read) {
      new Counter({
        ...named(name, help),
        collect() {
          this.reset()
          this.inc(read())
        },
      })
    },
    gauge(name, help, read) {
      new Gauge({
        ...named(name, help),
        collect() {
          this.set(read())
        },
      })
    },
    counters(name, help, label, read) {
      new Counter({
        ...named(name, help),
        labelNames: [label],
        collect() {
          this.reset()
          for (const [key, count] of Object.entries(read())) this.inc({ [label]: key }, count ?? 0)
        },
      })
    },
    gauges(name, help, label, read) {
      new Gauge({
        ...named(name, help),
        labelNames: [label],
        collect() {
          this.reset()
          for (const [key, count] of Object.entries(read())) this.set({ [label]: key }, count ?? 0)
        },
      })
    },
  }
}

/** One figure of each of them. */
export const eachOf = <T>(things: { [key: string]: T }, read: (thing: T) => number): { [key: string]: number } =>
  Object.fromEntries(Object.entries(things).map(([key, it]) => [key, read(it)]))
