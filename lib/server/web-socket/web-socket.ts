/**
 * MQTT over WebSocket: the upgrade, its subprotocol, and the refusal of everything else.
 * Knows HTTP, `ws` and the broker's `handle`; must not know listener options.
 */
import type { Server as HttpServer, IncomingMessage } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import type { Broker } from '../../../types/broker/broker.js'
import type { ConnectionDetails } from '../../../types/client/client.js'
import { AnaxError, checkBroker } from '../../index.js'
import { argumentError, kindOf } from '../arguments.js'
import { plainAddress } from '../proxies/trusted-proxies.js'
import { checkOrigins, isAllowedOrigin } from './origins.js'
import { mountUpgrade, pathOf, refuseUpgrade, type UpgradeHandler } from './upgrades.js'
import { boundMessages } from './web-socket-bound.js'
import { type HostWebSocket, WebSocketStream } from './web-socket-stream.js'

/** Options of MQTT over WebSocket. */
export interface UpgradeOptions {
  /**
   * Largest WebSocket message of a connected client in bytes. A message may contain several MQTT packets, or part of
   * one. Before CONNECT is answered, the broker's `maxConnectSize` is the limit. @default `maxPacketSize` and 64 KiB
   */
  maxPayload?: number
  /**
   * Origins of web pages that may connect: values of the `Origin` header such as `https://example.com`, or a function
   * that decides. Other origins get 403. Clients without `Origin`, that is, all but browsers, may connect. @default any
   */
  allowedOrigins?: readonly string[] | ((origin: string, request: IncomingMessage) => boolean)
}

/** Options of MQTT over WebSocket, with the path. */
export interface WebSocketOptions extends UpgradeOptions {
  /** URL path of MQTT. @default any path on a `ws` or `wss` listener; '/mqtt' on a host's HTTP server */
  path?: string
}

/** MQTT on a host's HTTP server. */
export interface AttachedWebSocket {
  /** Stops accepting connections. Open ones continue until `broker.close()`. */
  close(): void
}

/** The listener of an upgrade: provides details of the connection, and is notified of refusals. */
export interface UpgradeListener {
  /** Information about the connection. */
  details(request: IncomingMessage): ConnectionDetails
  /** Called for each refused request for a WebSocket. */
  refused(request: IncomingMessage, reason: string): void
}

/** A host's own HTTP server: proxies in front of it, and refusals, are the host's responsibility. */
const HOST: UpgradeListener = { details: plainDetails, refused: () => {} }

/** Subprotocol names of MQTT; the first one that a client offers is selected. [MQTT-6.0.0-3] [MQTT-6.0.0-4] */
const SUB_PROTOCOLS = ['mqtt', 'mqttv3.1']

/** A message may hold the largest packet and some small ones. */
const MESSAGE_SLACK = 64 * 1024

/** Time limit for the closing handshake. (The types of `ws` do not have this option yet.) */
const CLOSING = { closeTimeout: 5000 }

/** WebSocket close code: the endpoint does not follow the protocol. */
const PROTOCOL_ERROR = 1002

/** WebSocket close code: try again later. */
const TRY_AGAIN_LATER = 1013

/**
 * Serves MQTT over WebSocket on one path of an existing HTTP server, such as Fastify's or Express's. Upgrades of that
 * path reach no other listener. Upgrades of other paths go to the host's own listeners, whether they were added earlier
 * or later; an upgrade that none of them answers gets 404.
 * @throws AnaxError ANAX_ERR_ARGUMENT for arguments of a wrong type; ANAX_ERR_LISTEN if the path is invalid, or serves
 * MQTT already
 */
export function attachWebSocket(
  broker: Broker,
  server: HttpServer | HttpsServer,
  options: WebSocketOptions = {},
): AttachedWebSocket {
  checkBroker(broker)
  if (typeof server?.on !== 'function' || typeof server.emit !== 'function') {
    throw argumentError(`the second argument has to be an HTTP server, got ${kindOf(server)}`)
  }
  const { path = '/mqtt', ...others } = checkedOptions(options)
  checkPath(path)
  return { close: mountUpgrade(server, path, acceptor(broker, others)) }
}

/**
 * Answers one upgrade request with MQTT over WebSocket, for a host that routes upgrades itself.
 * The arguments after the broker are those of an HTTP server's `upgrade` event. A request for another subprotocol is
 * refused with an HTTP error.
 * @throws AnaxError ANAX_ERR_ARGUMENT for arguments of a wrong type
 */
export function handleUpgrade(
  broker: Broker,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  options: UpgradeOptions = {},
): void {
  checkBroker(broker)
  if (typeof request?.headers !== 'object')
    throw argumentError(`request has to be an HTTP request, got ${kindOf(request)}`)
  if (typeof socket?.on !== 'function') throw argumentError(`socket has to be a duplex stream, got ${kindOf(socket)}`)
  if (!Buffer.isBuffer(head)) throw argumentError(`head has to be a Buffer, got ${kindOf(head)}`)
  acceptor(broker, checkedOptions(options))(request, socket, head)
}

/**
 * Serves MQTT on a WebSocket that the host has accepted, for example in a route of `@fastify/websocket`.
 * Call it synchronously, before the first message arrives. The subprotocol must be `mqtt` or `mqttv3.1`; otherwise the
 * WebSocket is closed with 1002. While the broker is not running it is closed with 1013.
 * @param socket a WebSocket of the package `ws`
 * @param request the upgrade request, which hooks see as `client.req`
 * @throws AnaxError ANAX_ERR_ARGUMENT for arguments of a wrong type
 */
export function handleWebSocket(broker: Broker, socket: HostWebSocket, request?: IncomingMessage): void {
  checkBroker(broker)
  if (typeof socket?.send !== 'function' || typeof socket.on !== 'function') {
    throw argumentError(`socket has to be a WebSocket of the package ws, got ${kindOf(socket)}`)
  }
  if (!SUB_PROTOCOLS.includes(socket.protocol)) {
    socket.close(PROTOCOL_ERROR, "The WebSocket sub-protocol must be 'mqtt'")
  } else if (broker.closed) {
    socket.close(TRY_AGAIN_LATER, 'The broker is not running')
  } else {
    const stream = new WebSocketStream(socket, { pings: 'answered by ws' })
    broker.handle(stream, request, request && plainDetails(request))
  }
}

/**
 * Makes an HTTP server serve MQTT over WebSocket only.
 * @throws AnaxError ANAX_ERR_LISTEN if the path is invalid
 */
export function serveWebSocket(
  broker: Broker,
  server: HttpServer | HttpsServer,
  options: WebSocketOptions,
  listener: UpgradeListener,
): void {
  const { path } = checkedOptions(options)
  if (path !== undefined) checkPath(path)
  const accept = acceptor(broker, options, listener)
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const requested = pathOf(request)
    if (path === undefined || requested === path) return accept(request, socket, head)
    listener.refused(request, `the path is ${path}, not ${requested}`)
    refuseUpgrade(socket, 404, 'No WebSocket here')
  })
  server.on('request', (request: IncomingMessage, response) => {
    const lost = lostUpgrade(request)
    if (lost !== undefined) listener.refused(request, lost)
    response.writeHead(426, { connection: 'close', upgrade: 'websocket', 'content-type': 'text/plain' })
    response.end(`${lost ?? 'MQTT over WebSocket'}\n`)
  })
}

/**
 * Whether a proxy removed the upgrade: a proxy forwards these two headers only if configured, but always forwards the
 * other headers of a WebSocket request.
 */
function lostUpgrade({ headers }: IncomingMessage): string | undefined {
  if (headers['sec-websocket-key'] === undefined) return undefined
  return 'a proxy has to pass on the headers Upgrade and Connection'
}

/** The options of MQTT, without those that a listener or a framework adds. */
export function webSocketOptionsOf({ path, maxPayload, allowedOrigins }: WebSocketOptions): WebSocketOptions {
  return {
    ...(path !== undefined && { path }),
    ...(maxPayload !== undefined && { maxPayload }),
    ...(allowedOrigins !== undefined && { allowedOrigins }),
  }
}

/** With an invalid path, every client would get 404. */
function checkPath(path: unknown): void {
  if (typeof path === 'string' && /^\/[^?#]*$/.test(path)) return
  const got = typeof path === 'string' ? `'${path}'` : typeof path
  throw new AnaxError('ANAX_ERR_LISTEN', {
    detail: `the path of a WebSocket begins with '/' and has no query, got ${got}`,
  })
}

function checkedOptions(options: WebSocketOptions): WebSocketOptions {
  if (typeof options !== 'object' || options === null) {
    throw argumentError(`options have to be an object, got ${kindOf(options)}`)
  }
  const { path: _, maxPayload, allowedOrigins, ...unknown } = options
  const [name] = Object.keys(unknown)
  if (name !== undefined) throw argumentError(`there is no option '${name}': path, maxPayload, allowedOrigins`)
  checkOrigins(allowedOrigins)
  if (maxPayload !== undefined && !(Number.isSafeInteger(maxPayload) && maxPayload > 0)) {
    throw argumentError(`maxPayload has to be a number of bytes above 0, got ${String(maxPayload)}`)
  }
  return options
}

function acceptor(
  broker: Broker,
  { maxPayload = broker.limits.maxPacketSize + MESSAGE_SLACK, allowedOrigins }: UpgradeOptions,
  listener: UpgradeListener = HOST,
): UpgradeHandler {
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    autoPong: false,
    ...CLOSING,
    maxPayload,
    handleProtocols: offered => SUB_PROTOCOLS.find(protocol => offered.has(protocol)) ?? false,
  })
  return (request, socket, head) => {
    const refusal = refusalOf(broker, request, allowedOrigins)
    if (refusal !== undefined) {
      const [status, reason] = refusal
      listener.refused(request, reason)
      return refuseUpgrade(socket, status, reason)
    }
    sockets.handleUpgrade(request, socket, head, webSocket => {
      const stream = new WebSocketStream(webSocket)
      const client = broker.handle(stream, request, listener.details(request))
      boundMessages(socket, webSocket, { client, stream, maxBytes: broker.limits.maxConnectSize })
    })
  }
}

/** The HTTP status and the reason for which an upgrade is refused. */
function refusalOf(
  broker: Broker,
  request: IncomingMessage,
  allowedOrigins: UpgradeOptions['allowedOrigins'],
): [status: number, reason: string] | undefined {
  if (!offersMqtt(request)) return [400, "The WebSocket sub-protocol must be 'mqtt'"]
  if (!isAllowedOrigin(request, allowedOrigins)) return [403, 'This origin may not connect']
  if (broker.closed) return [503, 'The broker is not running']
  if (broker.refusesAll) return [503, 'The broker is overloaded']
  return undefined
}

/** The remote end as the host's HTTP server sees it. A proxy in front is the host's responsibility. */
function plainDetails({ socket }: IncomingMessage): ConnectionDetails {
  const { remoteAddress, remotePort } = socket
  const transport = 'encrypted' in socket ? 'wss' : 'ws'
  return { transport, address: remoteAddress && plainAddress(remoteAddress), port: remotePort }
}

function offersMqtt({ headers }: IncomingMessage): boolean {
  const offered = headers['sec-websocket-protocol']?.split(',') ?? []
  return offered.some(protocol => SUB_PROTOCOLS.includes(protocol.trim()))
}
