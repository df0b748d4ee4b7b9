/**
 * Listeners for a broker: TCP, TLS, WebSocket (plain and secure) and Unix sockets; exported as `anax/server`.
 * Owns the listening sockets; the broker owns the connections. Knows only the broker's public API.
 */
import http from 'node:http'
import https from 'node:https'
import net, { type AddressInfo, type Server as NetServer } from 'node:net'
import type { Broker } from '../../types/broker/broker.js'
import type { ConnectionDetails } from '../../types/client/client.js'
import { AnaxError, checkBroker } from '../index.js'
import { Listener, type Refusal } from './listener.js'
import type { ListenerOptions, Transport } from './listener-options.js'
import { bind, type Endpoint, listenError } from './listening.js'

export type { Refusal } from './listener.js'
export type { ListenerOptions, PortOptions, SecureOptions, SocketFile, Transport } from './listener-options.js'
export type { TlsSource } from './tls-settings.js'
export {
  type FastifyLike,
  type FastifyMqttOptions,
  fastifyMqtt,
  listenWithMqtt,
  type WebServer,
  type WebServerOptions,
} from './web-socket/web-frameworks.js'
export {
  type AttachedWebSocket,
  attachWebSocket,
  handleUpgrade,
  handleWebSocket,
  type UpgradeOptions,
  type WebSocketOptions,
} from './web-socket/web-socket.js'
export type { HostWebSocket } from './web-socket/web-socket-stream.js'

/** Options for all listeners of a server. */
export interface ServerOptions {
  /** Called when an open listener fails, for example because no file descriptors are left. */
  onError?: (error: AnaxError) => void
  /**
   * Called for each connection that did not reach the broker: its TLS, HTTP or PROXY handshake failed or took more than
   * 10 seconds (`ANAX_ERR_HANDSHAKE`), the listener was full (`ANAX_ERR_SERVER_BUSY`), or the broker is overloaded
   * (`ANAX_ERR_OVERLOADED`).
   */
  onRefused?: (error: AnaxError, details: ConnectionDetails) => void
}

/** The address of a listener. */
export interface ListenerAddress {
  /** Its transport. */
  transport: Transport
  /** URL for clients: `mqtt://`, `mqtts://`, `ws://`, `wss://` or `mqtt+unix://`. */
  url: string
  /** Undefined for a Unix socket. */
  port: number | undefined
}

/** A set of open listeners. */
export interface Server extends AsyncDisposable {
  /** The addresses, in the order of the listeners' options. */
  readonly addresses: readonly ListenerAddress[]
  /** The number of connections that did not reach the broker, by reason. */
  readonly refusals: Readonly<Record<Refusal, number>>
  /**
   * Calls the functions that were passed as `tls` again, and uses their keys and certificates for new connections. Open
   * connections are not affected.
   * @throws AnaxError ANAX_ERR_LISTEN if one is not usable: all listeners then keep their current ones
   */
  reload(): Promise<void>
  /** Stops listening. Open connections continue until `broker.close()`. */
  close(): Promise<void>
}

const SCHEMES = { tcp: 'mqtt', tls: 'mqtts', ws: 'ws', wss: 'wss' } as const
const DEFAULT_PORTS = { tcp: 1883, tls: 8883, ws: 8083, wss: 8084 } as const
const DEFAULT_HOST = '127.0.0.1'

const COMMON = ['name', 'maxConnections', 'backlog']
const PORT = ['host', 'port', 'trustedProxies', 'proxyProtocol', ...COMMON]
const WEB_SOCKET = ['path', 'maxPayload', 'allowedOrigins']

/** The options of each transport. */
const OPTIONS: Readonly<Record<Transport, readonly string[]>> = {
  tcp: PORT,
  tls: ['tls', ...PORT],
  ws: [...WEB_SOCKET, ...PORT],
  wss: ['tls', ...WEB_SOCKET, ...PORT],
  unix: ['path', ...COMMON],
}

/**
 * Opens listeners for a broker: all of them, or none if one fails.
 * @throws AnaxError ANAX_ERR_LISTEN; ANAX_ERR_ARGUMENT for arguments of a wrong type
 */
export async function createServer(
  broker: Broker,
  listeners: ListenerOptions | readonly ListenerOptions[],
  options: ServerOptions = {},
): Promise<Server> {
  checkBroker(broker)
  checkServerOptions(options)
  const open: Open[] = []
  const refusals: Record<Refusal, number> = { handshake: 0, connections: 0, overload: 0 }
  const refused = (error: AnaxError, details: ConnectionDetails, refusal: Refusal) => {
    refusals[refusal]++
    options.onRefused?.(error, details)
  }
  const close = async () => {
    for (const { listener } of open) stop(listener.server)
  }
  try {
    for (const each of [listeners].flat() as ListenerOptions[]) {
      checkListener(each ?? {})
      const listener = await Listener.make(broker, each, refused)
      const endpoint = endpointOf(each)
      await bind(listener.server, endpoint, each.backlog)
      listener.server.on('error', error => options.onError?.(listenError(error, endpoint)))
      open.push({ listener, address: addressOf(each.transport, endpoint, listener.server) })
    }
  } catch (error) {
    await close()
    throw error
  }
  const addresses = open.map(({ address }) => address)
  return { addresses, refusals, close, reload: () => reload(open), [Symbol.asyncDispose]: close }
}

interface Open {
  listener: Listener
  address: ListenerAddress
}

async function reload(open: readonly Open[]): Promise<void> {
  const settings = await Promise.all(open.map(({ listener }) => listener.readTls()))
  for (const [index, { listener }] of open.entries()) {
    const own = settings[index]
    if (own !== undefined) listener.useTls(own)
  }
}

/** For callers without types: a misspelt function would never be called, and a broken one fails much later. */
function checkServerOptions(options: ServerOptions): void {
  for (const [name, value] of Object.entries(options)) {
    if (name !== 'onError' && name !== 'onRefused') throw unusable(`there is no option '${name}': onError, onRefused`)
    if (value !== undefined && typeof value !== 'function') throw unusable(`${name} has to be a function`)
  }
}

/** Checks what the types express, for callers without types: such a listener would fail obscurely, or serve nobody. */
function checkListener({ transport, ...options }: Partial<ListenerOptions>): void {
  if (transport === undefined || !Object.hasOwn(OPTIONS, transport)) {
    const what = transport === undefined ? 'a listener needs a transport' : `there is no transport '${transport}'`
    throw unusable(`${what}: tcp, tls, ws, wss or unix`)
  }
  if ((transport === 'tls' || transport === 'wss') && !('tls' in options && options.tls)) {
    throw unusable(`${transport} needs the option tls, with key and certificate`)
  }
  if (transport === 'unix' && !('path' in options && options.path)) throw unusable('unix needs the option path')
  const names = OPTIONS[transport]
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined && !names.includes(name)) {
      throw unusable(`a ${transport} listener has no option '${name}'; it has ${names.join(', ')}`)
    }
  }
  for (const name of ['maxConnections', 'backlog'] as const) {
    const value = options[name]
    if (value !== undefined && !(Number.isSafeInteger(value) && value > 0)) {
      throw unusable(`${name} has to be a number above 0, got ${String(value)}`)
    }
  }
}

function unusable(detail: string): AnaxError {
  return new AnaxError('ANAX_ERR_LISTEN', { detail })
}

function endpointOf(options: ListenerOptions): Endpoint {
  if (options.transport === 'unix') return { path: options.path }
  const { host = DEFAULT_HOST, port = DEFAULT_PORTS[options.transport] } = options
  return { host, port }
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
  // Requests that did not become WebSockets would keep an HTTP server open.
  if (server instanceof http.Server || server instanceof https.Server) server.closeAllConnections()
}
