/**
 * The port for load balancers and supervisors: answers only `GET /livez` and `GET /readyz`, for every caller and under
 * every host name. Owns the HTTP server.
 */
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Broker } from '../../../types/broker/broker.js'
import { CommandError } from '../command-error.js'

export interface HealthPort {
  readonly url: string
  close(): void
}

/** @throws CommandError where the port is taken */
export async function openHealth(broker: Broker, { host, port }: { host: string; port: number }): Promise<HealthPort> {
  const server = http.createServer(async ({ method, url }, response) => {
    const isRead = method === 'GET' || method === 'HEAD'
    const known = isRead && (url === '/livez' || url === '/readyz')
    const status = !known ? 404 : url === '/livez' || (await isReady(broker)) ? 200 : 503
    response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
    response.end(`${JSON.stringify({ ok: status === 200 })}\n`)
  })
  try {
    await once(server.listen(port, host), 'listening')
  } catch (error) {
    throw new CommandError(`--health: ${error instanceof Error ? error.message : String(error)}`)
  }
  const { address, family, port: opened } = server.address() as AddressInfo
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${opened}/readyz`,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** Whether clients that come now are served: the broker is open, and its store answers. */
async function isReady(broker: Broker): Promise<boolean> {
  if (!broker.ready) return false
  return broker.sessions({ limit: 1 }).then(
    () => true,
    () => false,
  )
}
