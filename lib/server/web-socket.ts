/**
 * MQTT over WebSocket: the upgrade, its sub-protocol, and what is said to everybody else.
 * Knows HTTP, `ws` and the broker's `handle`; knows no listener options.
 */
import type { Server as HttpServer, IncomingMessage } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import type { Broker } from '../../types/broker.js'
import type { ConnectionDetails } from '../../types/client.js'
import { AnaxError } from '../index.js'
import { plainAddress } from './trusted-proxies.js'
import { mountUpgrade, pathOf, refuseUpgrade, type UpgradeHandler } from './upgrades.js'
import { type HostWebSocket, WebSocketStream } from './web-socket-stream.js'

/** How MQTT is served over WebSocket. */
export interface UpgradeOptions {
  /** Largest WebSocket message in bytes; one may hold several MQTT packets, or a part of one. @default 16 MiB */
  maxPayload?: number
  /**
   * Web pages that may connect: values of the `Origin` header, `https://example.com` for instance, or a function that is
   * asked. Clients that send no `Origin` (all but browsers) are not affected. Others get 403. @default any
   */
  allowedOrigins?: readonly string[] | ((origin: string, request: IncomingMessage) => boolean)
}

/** How MQTT is served over WebSocket, and where. */
export interface WebSocketOptions extends UpgradeOptions {
  /** Path of the URL that is MQTT's. @default any, for a listener of its own; '/mqtt' on a host's HTTP server */
  path?: string
}

/** MQTT on a host's HTTP server. */
export interface AttachedWebSocket {
  /** Takes no further connections. Those that are open live on; `broker.close()` ends them. */
  close(): void
}

/** What is known of the connection that an upgrade came by. */
export type DetailsOf = (request: IncomingMessage) => ConnectionDetails

/** What clients call MQTT; the first that is offered is chosen. [MQTT-6.0.0-3] [MQTT-6.0.0-4] */
const SUB_PROTOCOLS = ['mqtt', 'mqttv3.1']

const MAX_PAYLOAD = 16 * 1024 * 1024

/** How long a client may take over the closing handshake. (The option is younger than the types of `ws`.) */
const CLOSING = { closeTimeout: 5000 }

/** WebSocket close code: the endpoint does not follow the protocol. */
const PROTOCOL_ERROR = 1002

/** WebSocket close code: try again later. */
const TRY_AGAIN_LATER = 1013

/**
 * Serves MQTT over WebSocket on one path of an existing HTTP server, Fastify's or Express's for instance.
 * Upgrades of that path reach nobody else; those of other paths are left to the host's own listeners, whether they were
 * added earlier or later. What nobody answers gets 404.
 * @throws AnaxError ANAX_ERR_ARGUMENT for arguments of a wrong kind; ANAX_ERR_LISTEN for a path that no request can have
 * or that serves MQTT already
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
 * Answers one upgrade request with MQTT over WebSocket, for a host that decides itself whose an upgrade is.
 * The arguments after the broker are those of an HTTP server's `upgrade` event. What is not MQTT is refused with an HTTP
 * error.
 * @throws AnaxError ANAX_ERR_ARGUMENT for arguments of a wrong kind
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
 * Serves MQTT on a WebSocket that the host has accepted already, from a route of `@fastify/websocket` for instance.
 * Call it at once, before the first message arrives. The sub-protocol has to be `mqtt` or `mqttv3.1`: anything else is
 * closed with 1002; while the broker is not running, with 1013.
 * @param socket a WebSocket of the package `ws`
 * @param request the upgrade request, which hooks see as `client.req`
 * @throws AnaxError ANAX_ERR_ARGUMENT for arguments of a wrong kind
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
 * Makes an HTTP server one for MQTT over WebSocket and nothing else.
 * @throws AnaxError ANAX_ERR_LISTEN for a path that no request can have
 */
export function serveWebSocket(
  broker: Broker,
  server: HttpServer | HttpsServer,
  options: WebSocketOptions & { details: DetailsOf },
): void {
  const { path } = checkedOptions(options)
  if (path !== undefined) checkPath(path)
  const accept = acceptor(broker, options, options.details)
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (path === undefined || pathOf(request) === path) accept(request, socket, head)
    else refuseUpgrade(socket, 404, 'No WebSocket here')
  })
  server.on('request', (_request, response) => {
    response.writeHead(426, { connection: 'close', upgrade: 'websocket', 'content-type': 'text/plain' })
    response.end('MQTT over WebSocket\n')
  })
}

/** With any other, everybody would be told that there is nothing here. */
function checkPath(path: unknown): void {
  if (typeof path === 'string' && /^\/[^?#]*$/.test(path)) return
  const got = typeof path === 'string' ? `'${path}'` : typeof path
  throw new AnaxError('ANAX_ERR_LISTEN', {
    detail: `the path of a WebSocket begins with '/' and has no query, got ${got}`,
  })
}

function checkBroker(broker: unknown): void {
  const isBroker = typeof broker === 'object' && broker !== null && 'handle' in broker
  if (!isBroker) throw argumentError(`the first argument has to be a broker, got ${kindOf(broker)}`)
}

function checkedOptions(options: WebSocketOptions): WebSocketOptions {
  if (typeof options !== 'object' || options === null) {
    throw argumentError(`options have to be an object, got ${kindOf(options)}`)
  }
  const { maxPayload, allowedOrigins } = options
  if (maxPayload !== undefined && !(Number.isSafeInteger(maxPayload) && maxPayload > 0)) {
    throw argumentError(`maxPayload has to be a number of bytes above 0, got ${String(maxPayload)}`)
  }
  if (allowedOrigins !== undefined && typeof allowedOrigins !== 'function' && !Array.isArray(allowedOrigins)) {
    throw argumentError(`allowedOrigins has to be an array or a function, got ${kindOf(allowedOrigins)}`)
  }
  return options
}

function argumentError(detail: string): AnaxError {
  return new AnaxError('ANAX_ERR_ARGUMENT', { detail })
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : typeof value
}

function acceptor(
  broker: Broker,
  { maxPayload = MAX_PAYLOAD, allowedOrigins }: UpgradeOptions,
  detailsOf: DetailsOf = plainDetails,
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
    if (!offersMqtt(request)) return refuseUpgrade(socket, 400, "The WebSocket sub-protocol must be 'mqtt'")
    if (!isAllowedOrigin(request, allowedOrigins)) return refuseUpgrade(socket, 403, 'This origin may not connect')
    if (broker.closed) return refuseUpgrade(socket, 503, 'The broker is not running')
    sockets.handleUpgrade(request, socket, head, webSocket => {
      broker.handle(new WebSocketStream(webSocket), request, detailsOf(request))
    })
  }
}

/** A function of the host that throws has not allowed anything. */
function isAllowedOrigin(request: IncomingMessage, allowed: UpgradeOptions['allowedOrigins']): boolean {
  const { origin } = request.headers
  if (allowed === undefined || origin === undefined) return true
  if (typeof allowed !== 'function') return allowed.includes(origin)
  try {
    return allowed(origin, request) === true
  } catch {
    return false
  }
}

/** What a host's HTTP server knows of the other end; a proxy in front of it is the host's business. */
function plainDetails({ socket }: IncomingMessage): ConnectionDetails {
  const { remoteAddress, remotePort } = socket
  const transport = 'encrypted' in socket ? 'wss' : 'ws'
  return { transport, address: remoteAddress && plainAddress(remoteAddress), port: remotePort }
}

function offersMqtt({ headers }: IncomingMessage): boolean {
  const offered = headers['sec-websocket-protocol']?.split(',') ?? []
  return offered.some(protocol => SUB_PROTOCOLS.includes(protocol.trim()))
}
