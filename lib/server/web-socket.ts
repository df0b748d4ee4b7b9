/**
 * MQTT over WebSocket on an HTTP server: the upgrade, its sub-protocol, and what is said to everybody else.
 * Knows HTTP, `ws` and the broker's `handle`; knows no listener options.
 */
import type { Server as HttpServer, IncomingMessage } from 'node:http'
import { STATUS_CODES } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import type { Broker } from '../../types/broker.js'
import { AnaxError } from '../index.js'
import { WebSocketStream } from './web-socket-stream.js'

/** How MQTT is served over WebSocket. */
export interface WebSocketOptions {
  /** Path of the URL that is MQTT's. @default any, for a listener of its own; '/mqtt' on a host's HTTP server */
  path?: string
  /** Largest WebSocket message in bytes; one may hold several MQTT packets, or a part of one. @default 16 MiB */
  maxPayload?: number
}

/** MQTT on a host's HTTP server. */
export interface AttachedWebSocket {
  /** Takes no further connections. Those that are open live on; `broker.close()` ends them. */
  close(): void
}

type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

/** What clients call MQTT; the first that is offered is chosen. [MQTT-6.0.0-3] [MQTT-6.0.0-4] */
const SUB_PROTOCOLS = ['mqtt', 'mqttv3.1']

const MAX_PAYLOAD = 16 * 1024 * 1024

/** How long a client may take over the closing handshake. (The option is younger than the types of `ws`.) */
const CLOSING = { closeTimeout: 5000 }

/**
 * Serves MQTT over WebSocket on an existing HTTP server, Fastify's or Express's for instance.
 * Upgrades of other paths are left to the host's own listeners.
 * @throws AnaxError ANAX_ERR_LISTEN for a path that no request can have
 */
export function attachWebSocket(
  broker: Broker,
  server: HttpServer | HttpsServer,
  { path = '/mqtt', ...options }: WebSocketOptions = {},
): AttachedWebSocket {
  checkPath(path)
  const accept = acceptor(broker, options)
  const onUpgrade: Upgrade = (request, socket, head) => {
    if (pathOf(request) === path) accept(request, socket, head)
    else if (server.listenerCount('upgrade') === 1) refuse(socket, 404, 'No WebSocket here')
  }
  server.on('upgrade', onUpgrade)
  return {
    close() {
      server.off('upgrade', onUpgrade)
    },
  }
}

/**
 * Makes an HTTP server one for MQTT over WebSocket and nothing else.
 * @throws AnaxError ANAX_ERR_LISTEN for a path that no request can have
 */
export function serveWebSocket(broker: Broker, server: HttpServer | HttpsServer, options: WebSocketOptions): void {
  if (options.path !== undefined) checkPath(options.path)
  const accept = acceptor(broker, options)
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (options.path === undefined || pathOf(request) === options.path) accept(request, socket, head)
    else refuse(socket, 404, 'No WebSocket here')
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

function acceptor(broker: Broker, { maxPayload = MAX_PAYLOAD }: WebSocketOptions): Upgrade {
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
    if (!offersMqtt(request)) return refuse(socket, 400, "The WebSocket sub-protocol must be 'mqtt'")
    if (broker.closed) return refuse(socket, 503, 'The broker is not running')
    sockets.handleUpgrade(request, socket, head, webSocket => broker.handle(new WebSocketStream(webSocket), request))
  }
}

function offersMqtt({ headers }: IncomingMessage): boolean {
  const offered = headers['sec-websocket-protocol']?.split(',') ?? []
  return offered.some(protocol => SUB_PROTOCOLS.includes(protocol.trim()))
}

function pathOf({ url = '/' }: IncomingMessage): string {
  return url.split('?', 1)[0] ?? url
}

function refuse(socket: Duplex, status: number, text: string): void {
  socket.on('error', () => socket.destroy())
  socket.once('finish', () => socket.destroy())
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: text/plain\r\n`
  socket.end(`${head}Content-Length: ${text.length + 1}\r\n\r\n${text}\n`)
}
