/**
 * Registers metrics in a registry of `prom-client`, and reads each kind of number at a scrape. Between scrapes, only
 * the histograms are updated. Owns the entries; knows no HTTP.
 */
import type { Registry } from 'prom-client'
import type { BrokerStats, SlowClient, Timing, TimingListener } from '../../types/broker/inspection.js'
import { DEFINITIONS, type Definition, HISTOGRAMS, SLOW_CLIENTS } from './definitions.js'
import { EventLoopDelay, type Percentile } from './event-loop.js'

export type PromClient = typeof import('prom-client')

export interface Naming {
  prefix: string
  /** Labels of every metric. */
  labels: Readonly<Record<string, string>>
}

type Labels = Record<string, string | number>

/** From a tenth of a millisecond to ten seconds. */
const BUCKETS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

const DELAYS: Readonly<Record<Percentile, string>> = { p50: 'median', p99: '99th percentile', max: 'maximum' }

export class Registration {
  readonly #client: PromClient
  readonly #registry: Registry
  readonly #naming: Naming
  readonly #names: string[] = []
  readonly #delay = new EventLoopDelay()

  constructor(client: PromClient, registry: Registry, naming: Naming) {
    this.#client = client
    this.#registry = registry
    this.#naming = naming
  }

  /** All metrics of a scrape are read in the same turn, so they share one reading of the broker. */
  stats(read: () => BrokerStats): void {
    const stats = oncePerScrape(read)
    for (const definition of DEFINITIONS) this.#register(definition, () => definition.read(stats()))
  }

  slowClients(read: () => readonly SlowClient[]): void {
    const clients = oncePerScrape(read)
    for (const { read: value, ...definition } of SLOW_CLIENTS) {
      this.#register(definition, () =>
        clients().map(client => ({ labels: { client: client.clientId }, value: value(client) })),
      )
    }
  }

  eventLoop(): void {
    const delay = oncePerScrape(() => this.#delay.take())
    for (const [percentile, words] of Object.entries(DELAYS)) {
      const name = `event_loop_delay_${percentile}_seconds`
      const help = `Delay of the event loop since the last scrape: ${words}.`
      this.#register({ name, type: 'gauge', help, labels: [] }, () => [
        { labels: {}, value: delay()[percentile as Percentile] },
      ])
    }
  }

  /** @returns the listener that updates the histograms */
  timings(): TimingListener {
    const { labels } = this.#naming
    const histogram = ({ name, help, labels: own }: (typeof HISTOGRAMS)[Timing['part']]) => {
      const labelNames = [...Object.keys(labels), ...own]
      const common = { name: this.#nameOf(name), help, labelNames, registers: [this.#registry], buckets: BUCKETS }
      return new this.#client.Histogram(common)
    }
    const { hook, store, bus, message } = HISTOGRAMS
    const histograms = {
      hook: histogram(hook),
      store: histogram(store),
      bus: histogram(bus),
      message: histogram(message),
    }
    const children = new Map<string, { observe(seconds: number): void }>()
    return ({ part, hook, operation, ms }) => {
      const name = hook ?? operation ?? part
      let child = children.get(name)
      if (child === undefined) {
        const own: Labels = { ...labels, ...(hook && { hook }), ...(operation && { operation }) }
        child = histograms[part].labels(own)
        children.set(name, child)
      }
      child.observe(ms / 1000)
    }
  }

  /** Removes the metrics from the registry. */
  close(): void {
    this.#delay.close()
    for (const name of this.#names) this.#registry.removeSingleMetric(name)
  }

  #nameOf(name: string): string {
    const full = this.#naming.prefix + name
    this.#names.push(full)
    return full
  }

  #register(
    { name, type, help, labels: own }: Omit<Definition, 'read'>,
    read: () => readonly { labels: Labels; value: number }[],
  ): void {
    const { Counter, Gauge } = this.#client
    const { labels } = this.#naming
    const labelNames = [...Object.keys(labels), ...own]
    const samples = () => read().map(sample => ({ ...sample, labels: { ...labels, ...sample.labels } }))
    const common = { name: this.#nameOf(name), help, labelNames, registers: [this.#registry] }
    if (type === 'counter') {
      new Counter({
        ...common,
        collect() {
          this.reset()
          if (labelNames.length === 0) this.remove()
          for (const sample of samples()) this.inc(sample.labels, sample.value)
        },
      })
      return
    }
    new Gauge({
      ...common,
      collect() {
        this.reset()
        // a metric without labels is 0 after a reset; values that the store does not provide are omitted
        if (labelNames.length === 0) this.remove()
        for (const sample of samples()) this.set(sample.labels, sample.value)
      },
    })
  }
}

function oncePerScrape<T>(read: () => T): () => T {
  let known: { value: T } | undefined
  return () => {
    if (known === undefined) {
      known = { value: read() }
      queueMicrotask(() => {
        known = undefined
      })
    }
    return known.value
  }
}
