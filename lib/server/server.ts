/**
 * Listeners for a broker: TCP, TLS, WebSocket (plain and secure) and Unix sockets; exported as `anax/server`.
 * Owns the listening sockets; the connections are the broker's. Knows only the broker's public API.
 */
import http, { type Server as HttpServer } from 'node:http'
import https, { type Server as HttpsServer } from 'node:https'
import net, { type AddressInfo, type Server as NetServer, type Socket } from 'node:net'
import tls, { type TlsOptions } from 'node:tls'
import type { Broker } from '../../types/broker.js'
import { AnaxError } from '../index.js'
import { bind, type Endpoint, listenError } from './listening.js'
import { serveWebSocket, type WebSocketOptions } from './web-socket.js'

export {
  type AttachedWebSocket,
  attachWebSocket,
  handleUpgrade,
  handleWebSocket,
  type UpgradeOptions,
  type WebSocketOptions,
} from './web-socket.js'
export type { HostWebSocket } from './web-socket-stream.js'

interface PortOptions {
  /** @default '127.0.0.1', this machine only; '0.0.0.0' or '::' listens on all addresses */
  host?: string
  /** 0 takes any free port; `addresses` tells which. @default 1883 (tcp), 8883 (tls), 8083 (ws), 8084 (wss) */
  port?: number
}

interface SecureOptions {
  /** Key, certificate and the rest, as `node:tls` takes them. */
  tls: TlsOptions
}

interface SocketFile {
  /** The socket's file. */
  path: string
}

/** One listener. */
export type ListenerOptions =
  | ({ transport: 'tcp' } & PortOptions)
  | ({ transport: 'tls' } & PortOptions & SecureOptions)
  | ({ transport: 'ws' } & PortOptions & WebSocketOptions)
  | ({ transport: 'wss' } & PortOptions & SecureOptions & WebSocketOptions)
  | ({ transport: 'unix' } & SocketFile)

/** What a listener speaks. */
export type Transport = ListenerOptions['transport']

/** What goes for all listeners of a server. */
export interface ServerOptions {
  /** Told when a listener that is open has trouble: when file descriptors run out, for instance. */
  onError?: (error: AnaxError) => void
}

/** Where a listener can be reached. */
export interface ListenerAddress {
  /** What it speaks. */
  transport: Transport
  /** For a client: `mqtt://`, `mqtts://`, `ws://`, `wss://` or `mqtt+unix://`. */
  url: string
  /** Undefined for a Unix socket. */
  port: number | undefined
}

/** Listeners that are open. */
export interface Server {
  /** In the order in which the listeners were asked for. */
  readonly addresses: readonly ListenerAddress[]
  /** Stops listening. Connections live on; `broker.close()` ends them. */
  close(): Promise<void>
}

const SCHEMES = { tcp: 'mqtt', tls: 'mqtts', ws: 'ws', wss: 'wss' } as const
const DEFAULT_PORTS = { tcp: 1883, tls: 8883, ws: 8083, wss: 8084 } as const
const DEFAULT_HOST = '127.0.0.1'

/** How long a client may take over a TLS handshake or the HTTP request of an upgrade. */
const HANDSHAKE_TIMEOUT_MS = 10_000

/**
 * Opens listeners for a broker: all of them, or none if one fails.
 * @throws AnaxError ANAX_ERR_LISTEN
 */
export async function createServer(
  broker: Broker,
  listeners: ListenerOptions | readonly ListenerOptions[],
  options: ServerOptions = {},
): Promise<Server> {
  const open: Listener[] = []
  const close = async () => {
    for (const listener of open) stop(listener.server)
  }
  try {
    for (const listener of [listeners].flat() as ListenerOptions[]) {
      open.push(await openListener(broker, listener, options))
    }
  } catch (error) {
    await close()
    throw error
  }
  return { addresses: open.map(({ address }) => address), close }
}

interface Listener {
  server: NetServer
  address: ListenerAddress
}

async function openListener(broker: Broker, options: ListenerOptions, { onError }: ServerOptions): Promise<Listener> {
  checkListener(options ?? {})
  const endpoint = endpointOf(options)
  const server = makeServer(broker, options)
  await bind(server, endpoint)
  server.on('error', error => onError?.(listenError(error, endpoint)))
  return { server, address: addressOf(options.transport, endpoint, server) }
}

/** What types would tell: a listener with such a fault would fail obscurely, or open and serve nobody. */
function checkListener({ transport, ...options }: Partial<ListenerOptions>): void {
  const isKnown = transport === 'unix' || (transport !== undefined && Object.hasOwn(SCHEMES, transport))
  if (!isKnown) throw unusable(`there is no transport '${transport}': tcp, tls, ws, wss or unix`)
  if ((transport === 'tls' || transport === 'wss') && !('tls' in options && options.tls)) {
    throw unusable(`${transport} needs the option tls, with key and certificate`)
  }
  if (transport === 'unix' && !('path' in options && options.path)) throw unusable('unix needs the option path')
}

function unusable(detail: string): AnaxError {
  return new AnaxError('ANAX_ERR_LISTEN', { detail })
}

function endpointOf(options: ListenerOptions): Endpoint {
  if (options.transport === 'unix') return { path: options.path }
  const { host = DEFAULT_HOST, port = DEFAULT_PORTS[options.transport] } = options
  return { host, port }
}

function makeServer(broker: Broker, options: ListenerOptions): NetServer {
  switch (options.transport) {
    case 'tcp':
    case 'unix':
      return net.createServer({ noDelay: true }, socket => handOver(broker, socket))
    case 'tls':
      return secure(options.tls, settings => tls.createServer(settings, socket => handOver(broker, socket)))
    case 'ws':
      return webSocketServer(broker, http.createServer(HTTP_SETTINGS), options)
    case 'wss':
      return webSocketServer(
        broker,
        secure(options.tls, settings => https.createServer(settings)),
        options,
      )
  }
}

/** A broker that is not started yet takes no streams: who comes so early has to come again. */
function handOver(broker: Broker, socket: Socket): void {
  if (broker.closed) socket.destroy()
  else broker.handle(socket)
}

const HTTP_SETTINGS = { noDelay: true, headersTimeout: HANDSHAKE_TIMEOUT_MS, requestTimeout: HANDSHAKE_TIMEOUT_MS }

function webSocketServer<S extends HttpServer | HttpsServer>(broker: Broker, server: S, options: WebSocketOptions): S {
  serveWebSocket(broker, server, options)
  return server
}

/** Bad keys and certificates show when the server is made. */
function secure<S>(options: TlsOptions, make: (settings: TlsOptions) => S): S {
  try {
    return make({ handshakeTimeout: HANDSHAKE_TIMEOUT_MS, ...HTTP_SETTINGS, ...options })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new AnaxError('ANAX_ERR_LISTEN', { detail: `key or certificate not acceptable (${reason})`, cause })
  }
}

function addressOf(transport: Transport, endpoint: Endpoint, server: NetServer): ListenerAddress {
  if (transport === 'unix' || 'path' in endpoint) {
    return { transport, url: `mqtt+unix://${'path' in endpoint ? endpoint.path : ''}`, port: undefined }
  }
  const { port } = server.address() as AddressInfo
  const host = net.isIPv6(endpoint.host) ? `[${endpoint.host}]` : endpoint.host
  return { transport, url: `${SCHEMES[transport]}://${host}:${port}`, port }
}

function stop(server: NetServer): void {
  server.close()
  // Requests that have not become WebSockets would keep an HTTP server open.
  if (server instanceof http.Server || server instanceof https.Server) server.closeAllConnections()
}
