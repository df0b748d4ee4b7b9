/**
 * MQTT next to the routes of a web framework: a plugin for Fastify, and a server for any request handler, such as an
 * Express app. Owns the order of closing; imports none of the frameworks.
 */
import { once } from 'node:events'
import http, { type Server as HttpServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Broker } from '../../../types/broker/broker.js'
import { bind } from '../listening.js'
import { attachWebSocket, type WebSocketOptions, webSocketOptionsOf } from './web-socket.js'

/** Options of the Fastify plugin. */
export interface FastifyMqttOptions extends WebSocketOptions {
  /** The broker; it is closed when the app closes. */
  broker: Broker
}

/** The part of a Fastify instance that the plugin uses. */
export interface FastifyLike {
  /** The HTTP server. */
  readonly server: HttpServer
  /** Adds a property to the instance. */
  decorate(name: string, value: unknown): unknown
  /** Adds a hook that runs when the app closes. */
  addHook(name: 'preClose', hook: () => Promise<void>): unknown
}

async function mqttPlugin(app: FastifyLike, { broker, ...options }: FastifyMqttOptions): Promise<void> {
  const attached = attachWebSocket(broker, app.server, webSocketOptionsOf(options))
  app.decorate('mqtt', broker)
  // before the HTTP server closes, which waits for its connections: WebSockets do not close on their own
  app.addHook('preClose', async () => {
    attached.close()
    await broker.close()
  })
}

/**
 * A Fastify plugin that serves MQTT over WebSocket: `app.register(fastifyMqtt, { broker, path: '/mqtt' })`. The broker
 * is `app.mqtt`, and is closed by `app.close()`.
 */
export const fastifyMqtt: (app: FastifyLike, options: FastifyMqttOptions) => Promise<void> = Object.assign(mqttPlugin, {
  // registers in the whole app: Fastify encapsulates plugins by default
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: 'anax',
})

/** Options of {@link listenWithMqtt}. */
export interface WebServerOptions extends WebSocketOptions {
  /** @default '127.0.0.1', this machine only */
  host?: string
  /** 0 takes any free port. @default 3000 */
  port?: number
}

/** An HTTP server with MQTT next to its routes. */
export interface WebServer {
  /** The HTTP server. */
  readonly server: HttpServer
  /** Its URL, such as `http://127.0.0.1:3000`. */
  readonly url: string
  /** The URL for MQTT over WebSocket. */
  readonly mqttUrl: string
  /**
   * Closes in this order: stops accepting upgrades and requests; closes the broker with its clients; waits for requests
   * in progress. Resolves when all of this is done.
   */
  close(): Promise<void>
}

/**
 * Listens for HTTP requests and for MQTT over WebSocket on one port, for Express and every other framework whose apps
 * are request listeners.
 * @param handler an Express app, or any request listener
 * @throws AnaxError ANAX_ERR_LISTEN, ANAX_ERR_ARGUMENT
 */
export async function listenWithMqtt(
  broker: Broker,
  handler: RequestListener,
  options: WebServerOptions = {},
): Promise<WebServer> {
  const { host = '127.0.0.1', port = 3000, ...webSocket } = options
  const server = http.createServer(handler)
  const attached = attachWebSocket(broker, server, webSocket)
  await bind(server, { host, port })
  const { port: bound } = server.address() as AddressInfo
  const authority = `${host.includes(':') ? `[${host}]` : host}:${bound}`
  return {
    server,
    url: `http://${authority}`,
    mqttUrl: `ws://${authority}${webSocket.path ?? '/mqtt'}`,
    async close() {
      attached.close()
      const closed = once(server, 'close')
      server.close()
      server.closeIdleConnections()
      await broker.close()
      await closed
    },
  }
}
