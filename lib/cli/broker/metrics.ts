/**
 * The port of the metrics: answers `GET /metrics` without authentication, and nothing else. Owns the HTTP server;
 * `anax/metrics` provides the content.
 */
import { once } from 'node:events'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Broker } from '../../../types/broker/broker.js'
import { AnaxError } from '../../index.js'
import { createMetrics } from '../../metrics/index.js'
import { CommandError } from '../command-error.js'

export interface MetricsPort {
  readonly url: string
  close(): void
}

/** @throws CommandError if the port is in use, or prom-client is missing */
export async function openMetrics(
  broker: Broker,
  { host, port }: { host: string; port: number },
): Promise<MetricsPort> {
  const metrics = await createMetrics(broker, { process: true }).catch(error => {
    const text = error instanceof AnaxError ? error.message.replace(/^Invalid option: /, '') : String(error)
    throw new CommandError(`--metrics: ${text}`)
  })
  const server = http.createServer((request, response) => {
    if (isScrape(request)) metrics.handler(request, response)
    else refuse(request, response)
  })
  try {
    await once(server.listen(port, host), 'listening')
  } catch (error) {
    metrics.close()
    throw new CommandError(`--metrics: ${error instanceof Error ? error.message : String(error)}`)
  }
  const { address, family, port: opened } = server.address() as AddressInfo
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${opened}/metrics`,
    close: () => {
      metrics.close()
      server.close()
      server.closeAllConnections()
    },
  }
}

function isScrape({ method, url = '' }: IncomingMessage): boolean {
  return method === 'GET' && /^\/metrics(?:\?|$)/.test(url)
}

function refuse({ method }: IncomingMessage, response: ServerResponse): void {
  response.writeHead(method === 'GET' ? 404 : 405, { 'content-type': 'text/plain' })
  response.end('Metrics are at /metrics\n')
}
