/** Every transport for tests: a listener for a broker, and streams to it. Knows how each is opened; no packets. */
import { once } from 'node:events'
import net from 'node:net'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import tls from 'node:tls'
import { createWebSocketStream, WebSocket } from 'ws'
import { duplexPair } from '../../../lib/client/duplex-pair.js'
import type { Broker } from '../../../lib/index.js'
import { createServer, type ListenerOptions } from '../../../lib/server/server.js'
import { type Certificate, makeCertificate, temporaryFolder } from '../tls/certificate.js'

/** A listening broker. */
export interface Reachable {
  /** Opens a stream to it. */
  dial(): Promise<Duplex>
  close(): Promise<void>
}

/** The names of all transports. */
export const TRANSPORTS = ['memory', 'tcp', 'unix', 'tls', 'ws', 'wss'] as const
export type TransportName = (typeof TRANSPORTS)[number]

/** Makes a broker listen on one transport. */
export async function reach(broker: Broker, transport: TransportName): Promise<Reachable> {
  if (transport === 'memory') return { dial: async () => dialInMemory(broker), close: async () => {} }
  const folder = temporaryFolder()
  const server = await createServer(broker, await listenerOf(transport, folder.path))
  const { url, port } = server.addresses[0]!
  return {
    dial: () => dialers[transport](port ?? 0, url),
    async close() {
      await server.close()
      folder.remove()
    },
  }
}

let certificate: Promise<Certificate> | undefined

async function listenerOf(transport: Exclude<TransportName, 'memory'>, folder: string): Promise<ListenerOptions> {
  if (transport === 'unix') return { transport, path: join(folder, 'socket') }
  if (transport === 'tcp' || transport === 'ws') return { transport, port: 0 }
  certificate ??= makeCertificate()
  return { transport, port: 0, tls: await certificate }
}

const dialers: Record<Exclude<TransportName, 'memory'>, (port: number, url: string) => Promise<Duplex>> = {
  tcp: port => opened(net.connect(port, '127.0.0.1'), 'connect'),
  unix: (_port, url) => opened(net.connect(url.replace('mqtt+unix://', '')), 'connect'),
  tls: port => opened(tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false }), 'secureConnect'),
  ws: (_port, url) => webSocket(url),
  wss: (_port, url) => webSocket(url),
}

async function opened<S extends net.Socket>(socket: S, event: string): Promise<S> {
  socket.setNoDelay()
  await once(socket, event)
  return socket
}

async function webSocket(url: string): Promise<Duplex> {
  const socket = new WebSocket(url, ['mqtt'], { rejectUnauthorized: false })
  await once(socket, 'open')
  return createWebSocketStream(socket)
}

function dialInMemory(broker: Broker): Duplex {
  const [near, far] = duplexPair()
  broker.handle(far)
  return near
}
