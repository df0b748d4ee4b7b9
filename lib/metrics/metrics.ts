/**
 * The numbers of a broker for Prometheus, with the package `prom-client`. Owns the options and the HTTP handler;
 * definitions.ts has the metrics.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Registry } from 'prom-client'
import type { Broker } from '../../types/broker/broker.js'
import { AnaxError, checkBroker } from '../index.js'
import { type PromClient, Registration } from './registration.js'

/** Options of `createMetrics`. */
export interface MetricsOptions {
  /** The registry for the metrics, to serve them together with other metrics of the process. @default a new one */
  registry?: Registry
  /** The prefix of their names. @default 'anax_' */
  prefix?: string
  /** Labels of every metric, for several brokers in one registry. @default none */
  labels?: Readonly<Record<string, string>>
  /** One of this many messages is timed, for the histograms. @default 256 */
  sampleEvery?: number
  /** The number of slowest clients with their own metrics, 0 to 100. @default 10 */
  slowClients?: number
  /** Whether to add prom-client's metrics of the process: memory, CPU time. @default false */
  process?: boolean
}

/** The metrics of one broker. */
export interface Metrics {
  /** The registry, with everything that is registered in it. */
  readonly registry: Registry
  /** Answers a scrape: `http.createServer(metrics.handler)`, or a route of a web server. Never throws. */
  readonly handler: (request: IncomingMessage, response: ServerResponse) => void
  /** Removes the metrics from the registry, and stops sampling. */
  close(): void
}

/** The source of the metrics. */
export type MeasuredBroker = Pick<Broker, 'stats' | 'slowClients' | 'sampleTimings'>

const PREFIX = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/

const MAX_SLOW_CLIENTS = 100

/**
 * Creates the metrics of a broker. Needs the package `prom-client`.
 * @throws AnaxError ANAX_ERR_OPTION for an invalid option, or if the package is missing;
 * ANAX_ERR_ARGUMENT without a broker
 */
export async function createMetrics(broker: MeasuredBroker, options: MetricsOptions = {}): Promise<Metrics> {
  checkBroker(broker, 'stats')
  const { prefix = 'anax_', labels = {}, sampleEvery = 256, slowClients = 10 } = options
  if (!PREFIX.test(prefix)) throw refused(`prefix has to be letters, digits, _ and :, got '${prefix}'`)
  if (!Number.isInteger(sampleEvery) || sampleEvery < 1) throw refused('sampleEvery has to be a positive integer')
  if (!Number.isInteger(slowClients) || slowClients < 0 || slowClients > MAX_SLOW_CLIENTS) {
    throw refused(`slowClients has to be an integer from 0 to ${MAX_SLOW_CLIENTS}`)
  }
  const client = await loadPackage()
  const registry = options.registry ?? new client.Registry()
  const registration = new Registration(client, registry, { prefix, labels })
  registration.stats(() => broker.stats())
  if (slowClients > 0) registration.slowClients(() => broker.slowClients(slowClients))
  registration.eventLoop()
  const stop = broker.sampleTimings(registration.timings(), { every: sampleEvery })
  if (options.process) collectProcess(client, registry)
  return {
    registry,
    handler: (_request, response) => void answer(registry, response),
    close: () => {
      stop()
      registration.close()
    },
  }
}

async function loadPackage(): Promise<PromClient> {
  try {
    const loaded: PromClient & { default?: PromClient } = await import('prom-client')
    return loaded.default ?? loaded
  } catch (cause) {
    throw refused("anax/metrics needs the package 'prom-client': npm install prom-client", cause)
  }
}

/**
 * Metrics of prom-client that are removed: gauges with the names of counters, which violates Prometheus' rules. The
 * same numbers exist by type.
 */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total']

function collectProcess(client: PromClient, registry: Registry): void {
  client.collectDefaultMetrics({ register: registry })
  for (const name of MISNAMED) registry.removeSingleMetric(name)
}

function refused(detail: string, cause?: unknown): AnaxError {
  return new AnaxError('ANAX_ERR_OPTION', { detail, cause })
}

async function answer(registry: Registry, response: ServerResponse): Promise<void> {
  try {
    const text = await registry.metrics()
    response.writeHead(200, { 'content-type': registry.contentType, 'cache-control': 'no-store' }).end(text)
  } catch {
    response.writeHead(500).end()
  }
}
