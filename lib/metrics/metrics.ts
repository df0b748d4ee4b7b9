/**
 * The numbers of a broker for Prometheus, by the package `prom-client`. They are read when they are scraped: between two
 * scrapes nothing is done. Owns the registry's entries and the HTTP handler.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import type { Registry } from 'prom-client'
import type { Broker } from '../../types/broker.js'
import type { BrokerStats } from '../../types/inspection.js'
import { AnaxError } from '../index.js'
import { DEFINITIONS, type Definition } from './definitions.js'

/** How the metrics are to be. */
export interface MetricsOptions {
  /** Where they are registered, to be served together with other metrics of the process. @default one of their own */
  registry?: Registry
  /** What their names begin with. @default 'anax_' */
  prefix?: string
  /** Labels of every metric, for several brokers in one registry. @default none */
  labels?: Readonly<Record<string, string>>
}

/** The metrics of one broker. */
export interface Metrics {
  /** With all that is registered there. */
  readonly registry: Registry
  /** Answers a scrape: `http.createServer(metrics.handler)`, or a route of a web server. Never throws. */
  readonly handler: (request: IncomingMessage, response: ServerResponse) => void
  /** Takes the metrics out of the registry. */
  close(): void
}

type PromClient = typeof import('prom-client')

const PREFIX = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/

/** How precisely the delay of the event loop is measured, in milliseconds. */
const RESOLUTION_MS = 20

/**
 * Makes the metrics of a broker. Needs the package `prom-client`.
 * @throws AnaxError ANAX_ERR_OPTION for a prefix that Prometheus does not accept, or where the package is missing
 */
export async function createMetrics(broker: Pick<Broker, 'stats'>, options: MetricsOptions = {}): Promise<Metrics> {
  const { prefix = 'anax_', labels = {} } = options
  if (!PREFIX.test(prefix)) {
    throw new AnaxError('ANAX_ERR_OPTION', { detail: `prefix has to be letters, digits, _ and :, got '${prefix}'` })
  }
  const client = await loadPackage()
  const registry = options.registry ?? new client.Registry()
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delay.enable()
  const stats = oncePerScrape(() => broker.stats())
  const names = DEFINITIONS.map(definition => register(client, registry, stats, definition, { prefix, labels }))
  names.push(registerDelay(client, registry, delay, { prefix, labels }))
  return {
    registry,
    handler: (_request, response) => void answer(registry, response),
    close: () => {
      delay.disable()
      for (const name of names) registry.removeSingleMetric(name)
    },
  }
}

async function loadPackage(): Promise<PromClient> {
  try {
    const loaded: PromClient & { default?: PromClient } = await import('prom-client')
    return loaded.default ?? loaded
  } catch (cause) {
    const detail = "anax/metrics needs the package 'prom-client': npm install prom-client"
    throw new AnaxError('ANAX_ERR_OPTION', { detail, cause })
  }
}

/** All metrics of a scrape are read in one go: they share one look at the broker. */
function oncePerScrape(read: () => BrokerStats): () => BrokerStats {
  let known: BrokerStats | undefined
  return () => {
    if (known === undefined) {
      known = read()
      queueMicrotask(() => {
        known = undefined
      })
    }
    return known
  }
}

type Naming = Required<Pick<MetricsOptions, 'prefix' | 'labels'>>

/** @returns its full name */
function register(
  { Counter, Gauge }: PromClient,
  registry: Registry,
  stats: () => BrokerStats,
  { type, help, read, ...definition }: Definition,
  { prefix, labels }: Naming,
): string {
  const name = prefix + definition.name
  const labelNames = [...Object.keys(labels), ...definition.labels]
  const samples = () => read(stats()).map(sample => ({ ...sample, labels: { ...labels, ...sample.labels } }))
  const common = { name, help, labelNames, registers: [registry] }
  if (type === 'gauge') {
    new Gauge({
      ...common,
      collect() {
        this.reset()
        // without labels it is 0 after a reset; what the store does not provide is left out
        if (labelNames.length === 0) this.remove()
        for (const sample of samples()) this.set(sample.labels, sample.value)
      },
    })
  } else {
    new Counter({
      ...common,
      collect() {
        this.reset()
        if (labelNames.length === 0) this.remove()
        for (const sample of samples()) this.inc(sample.labels, sample.value)
      },
    })
  }
  return name
}

/** The delay since the last scrape. @returns its full name */
function registerDelay(
  { Gauge }: PromClient,
  registry: Registry,
  delay: IntervalHistogram,
  { prefix, labels }: Naming,
): string {
  const name = `${prefix}event_loop_delay_seconds`
  new Gauge({
    name,
    help: 'Delay of the event loop since the last scrape.',
    labelNames: [...Object.keys(labels), 'quantile'],
    registers: [registry],
    collect() {
      for (const quantile of [0.5, 0.99, 1]) {
        const seconds = delay.count === 0 ? 0 : delay.percentile(quantile * 100) / 1e9
        this.set({ ...labels, quantile: String(quantile) }, seconds)
      }
      delay.reset()
    },
  })
  return name
}

async function answer(registry: Registry, response: ServerResponse): Promise<void> {
  try {
    const text = await registry.metrics()
    response.writeHead(200, { 'content-type': registry.contentType, 'cache-control': 'no-store' }).end(text)
  } catch {
    response.writeHead(500).end()
  }
}
