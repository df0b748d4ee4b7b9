/**
 * One listener: a server of Node's for its transport, and what happens to a connection until the broker has it.
 * Owns the handshakes before MQTT (PROXY protocol, TLS, HTTP) and who is turned away during them.
 */
import http, { type Server as HttpServer } from 'node:http'
import https, { type Server as HttpsServer } from 'node:https'
import net, { type Server as NetServer, type Socket } from 'node:net'
import tls, { type TLSSocket, type Server as TlsServer } from 'node:tls'
import type { Broker } from '../../types/broker.js'
import type { ConnectionDetails } from '../../types/client.js'
import { AnaxError } from '../index.js'
import { type AddressOf, forwardedAddress } from './forwarded.js'
import type { ListenerOptions } from './listener-options.js'
import { type ProxiedClient, proxyHeaderReader, type ReadProxyHeader } from './proxy-protocol.js'
import { TlsSettings } from './tls-settings.js'
import { type IsTrusted, plainAddress, trustedProxies } from './trusted-proxies.js'
import { serveWebSocket } from './web-socket.js'

/** How long a client may take over each of PROXY header, TLS handshake and the HTTP request of an upgrade. */
const HANDSHAKE_TIMEOUT_MS = 10_000

const HTTP_SETTINGS = {
  noDelay: true,
  headersTimeout: HANDSHAKE_TIMEOUT_MS,
  requestTimeout: HANDSHAKE_TIMEOUT_MS,
  // Node looks every 30 seconds by default
  connectionsCheckingInterval: 1000,
}

/** Why a connection never reached the broker. */
export type Refusal = 'handshake' | 'connections'

/** Told of each connection that is turned away before it speaks MQTT. */
export type OnRefused = (error: AnaxError, details: ConnectionDetails, refusal: Refusal) => void

/** Where connections come from, and what they are told. */
interface Origin {
  readonly isTrusted: IsTrusted
  readonly readHeader: ReadProxyHeader | undefined
  readonly addressOf: AddressOf | undefined
}

export class Listener {
  readonly server: NetServer
  readonly #broker: Broker
  readonly #options: ListenerOptions
  readonly #origin: Origin
  readonly #tls: TlsSettings | undefined
  readonly #onRefused: OnRefused
  /** Address and port of a proxy's connection -> the client that the proxy speaks for. */
  readonly #proxied = new Map<string, NonNullable<ProxiedClient>>()

  /** @throws AnaxError ANAX_ERR_LISTEN for what no listener can be made of */
  static async make(broker: Broker, options: ListenerOptions, onRefused: OnRefused): Promise<Listener> {
    const secure = 'tls' in options ? new TlsSettings(options.tls, HANDSHAKE_TIMEOUT_MS) : undefined
    return new Listener(broker, options, onRefused, await originOf(options), secure, await secure?.read())
  }

  private constructor(
    broker: Broker,
    options: ListenerOptions,
    onRefused: OnRefused,
    origin: Origin,
    secure: TlsSettings | undefined,
    settings: tls.TlsOptions | undefined,
  ) {
    this.#broker = broker
    this.#options = options
    this.#onRefused = onRefused
    this.#origin = origin
    this.#tls = secure
    this.server = this.#makeServer(settings ?? {})
    this.#watch()
    if (origin.readHeader !== undefined) this.#readHeaders(origin.readHeader)
  }

  /** Reads key and certificate anew. @throws AnaxError ANAX_ERR_LISTEN; then the present ones stay */
  async readTls(): Promise<tls.TlsOptions | undefined> {
    return this.#tls?.read()
  }

  /** Serves the next connections with another key and certificate. */
  useTls(settings: tls.TlsOptions): void {
    ;(this.server as TlsServer).setSecureContext(settings)
  }

  #makeServer(settings: tls.TlsOptions): NetServer {
    const { transport } = this.#options
    switch (transport) {
      case 'tcp':
      case 'unix':
        return net.createServer({ noDelay: true }, socket => this.#handOver(socket))
      case 'tls':
        return tls.createServer({ noDelay: true, ...settings }, socket => this.#handOver(socket))
      case 'ws':
        return this.#serveWebSocket(http.createServer(HTTP_SETTINGS))
      case 'wss':
        return this.#serveWebSocket(https.createServer({ ...HTTP_SETTINGS, ...settings }))
    }
  }

  #serveWebSocket<S extends HttpServer | HttpsServer>(server: S): S {
    const { addressOf } = this.#origin
    const details = (request: http.IncomingMessage): ConnectionDetails => {
      const details = this.#detailsOf(request.socket)
      const address = addressOf === undefined ? details.address : addressOf(request, details.address)
      // the port that is known is that of the proxy
      return address === details.address ? details : { ...details, address, port: undefined }
    }
    serveWebSocket(this.#broker, server, { ...(this.#options as { path?: string }), details })
    return server
  }

  /** A broker that is not started accepts no streams: such a connection is closed, and the client has to reconnect. */
  #handOver(socket: Socket | TLSSocket): void {
    if (this.#broker.closed) socket.destroy()
    else this.#broker.handle(socket, undefined, this.#detailsOf(socket))
  }

  #detailsOf(socket: Socket): ConnectionDetails {
    const { transport, name } = this.#options
    const proxied = this.#proxied.size === 0 ? undefined : this.#proxied.get(peerOf(socket))
    const { remoteAddress } = socket
    return {
      transport,
      listener: name,
      address: proxied?.address ?? (remoteAddress === undefined ? undefined : plainAddress(remoteAddress)),
      port: proxied?.port ?? socket.remotePort,
    }
  }

  /** Tells of connections that end before the broker has them. */
  #watch(): void {
    const { server } = this
    const { maxConnections } = this.#options
    if (maxConnections !== undefined) server.maxConnections = maxConnections
    server.on('drop', drop => {
      const { transport, name } = this.#options
      const details = { transport, listener: name, address: drop?.remoteAddress, port: drop?.remotePort }
      const error = new AnaxError('ANAX_ERR_SERVER_BUSY', {
        detail: `maxConnections of the listener is ${maxConnections}`,
      })
      this.#onRefused(error, details, 'connections')
    })
    server.on('tlsClientError', (cause: Error, socket: TLSSocket) => this.#refused('TLS', cause, socket))
    if (server instanceof http.Server || server instanceof https.Server) {
      server.on('clientError', (cause: Error, socket: Socket) => {
        if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
        socket.destroy()
        this.#refused('HTTP', cause, socket)
      })
    }
  }

  #refused(what: string, cause: Error, socket: Socket): void {
    const error = new AnaxError('ANAX_ERR_HANDSHAKE', { detail: `${what}: ${cause.message}`, cause })
    this.#onRefused(error, this.#detailsOf(socket), 'handshake')
  }

  /** Reads the header of the PROXY protocol before Node's server sees the connection. */
  #readHeaders(read: ReadProxyHeader): void {
    const { server } = this
    const accepts = server.listeners('connection')
    for (const accept of accepts) server.off('connection', accept as () => void)
    const pass = (socket: Socket) => {
      for (const accept of accepts) Reflect.apply(accept, server, [socket])
    }
    server.on('connection', (socket: Socket) => {
      if (!this.#origin.isTrusted(socket.remoteAddress)) {
        pass(socket)
        return
      }
      read(socket, (error, client) => {
        if (error !== undefined) {
          const details = this.#detailsOf(socket)
          socket.destroy()
          this.#onRefused(error, details, 'handshake')
          return
        }
        if (client !== undefined) this.#remember(socket, client)
        pass(socket)
      })
    })
  }

  #remember(socket: Socket, client: NonNullable<ProxiedClient>): void {
    const peer = peerOf(socket)
    this.#proxied.set(peer, client)
    socket.once('close', () => this.#proxied.delete(peer))
  }
}

async function originOf(options: ListenerOptions): Promise<Origin> {
  const { proxyProtocol = false } = options
  const trusted = options.trustedProxies
  if (trusted === undefined) {
    if (!proxyProtocol) return { isTrusted: () => false, readHeader: undefined, addressOf: undefined }
    throw new AnaxError('ANAX_ERR_LISTEN', {
      detail: 'proxyProtocol needs trustedProxies, the addresses of the proxies',
    })
  }
  const isTrusted = trustedProxies(trusted)
  const isHttp = options.transport === 'ws' || options.transport === 'wss'
  return {
    isTrusted,
    readHeader: proxyProtocol ? await proxyHeaderReader(HANDSHAKE_TIMEOUT_MS) : undefined,
    addressOf: isHttp ? await forwardedAddress(isTrusted) : undefined,
  }
}

/** What tells a connection from all others that are open, on the raw socket and on the TLS socket around it. */
function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
