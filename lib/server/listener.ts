/**
 * One listener: Node's server for its transport, and each connection until the broker takes it over.
 * Owns the handshakes before MQTT (PROXY protocol, TLS, HTTP), and refusals during them.
 */
import http, { type Server as HttpServer } from 'node:http'
import https, { type Server as HttpsServer } from 'node:https'
import net, { type Server as NetServer, type Socket } from 'node:net'
import tls, { type TLSSocket, type TlsOptions, type Server as TlsServer } from 'node:tls'
import type { Broker } from '../../types/broker/broker.js'
import type { ConnectionDetails } from '../../types/client/client.js'
import { AnaxError } from '../index.js'
import { ConnectionPace } from './connection-pace.js'
import { httpError, isOfHttp, tlsError } from './handshake-error.js'
import type { ListenerOptions } from './listener-options.js'
import { type AddressOf, forwardedAddress } from './proxies/forwarded.js'
import { type ProxiedClient, proxyHeaderReader, type ReadProxyHeader } from './proxies/proxy-protocol.js'
import { type IsTrusted, plainAddress, trustedProxies } from './proxies/trusted-proxies.js'
import { TlsSettings } from './tls-settings.js'
import { serveWebSocket, type WebSocketOptions, webSocketOptionsOf } from './web-socket/web-socket.js'

/** Time limit for each of PROXY header, TLS handshake, and HTTP request of an upgrade. */
const HANDSHAKE_TIMEOUT_MS = 10_000

const HTTP_SETTINGS = {
  noDelay: true,
  headersTimeout: HANDSHAKE_TIMEOUT_MS,
  requestTimeout: HANDSHAKE_TIMEOUT_MS,
  // Node checks every 30 seconds by default
  connectionsCheckingInterval: 1000,
}

/** The reason why a connection did not reach the broker. */
export type Refusal = 'handshake' | 'connections' | 'overload'

/** Called for each connection that is refused before MQTT begins. */
export type OnRefused = (error: AnaxError, details: ConnectionDetails, refusal: Refusal) => void

/** The server as its listeners see it. */
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
  /** Address and port of a proxy's connection -> the client that the proxy stated. */
  readonly #proxied = new Map<string, NonNullable<ProxiedClient>>()

  /** @throws AnaxError ANAX_ERR_LISTEN for invalid options */
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
    settings: TlsOptions | undefined,
  ) {
    this.#broker = broker
    this.#options = options
    this.#onRefused = onRefused
    this.#origin = origin
    this.#tls = secure
    this.server = this.#makeServer(settings ?? {})
    this.#watch()
    if (origin.readHeader !== undefined) this.#readHeaders(origin.readHeader)
    if (options.transport !== 'tcp' && options.transport !== 'unix') this.#paceConnections()
    this.#turnAwayWhenOverloaded()
  }

  /** Reads key and certificate again. @throws AnaxError ANAX_ERR_LISTEN; the current ones then stay in use */
  async readTls(): Promise<TlsOptions | undefined> {
    return this.#tls?.read()
  }

  /** Uses another key and certificate for new connections. */
  useTls(settings: TlsOptions): void {
    ;(this.server as TlsServer).setSecureContext(settings)
  }

  #makeServer(settings: TlsOptions): NetServer {
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
    serveWebSocket(this.#broker, server, webSocketOptionsOf(this.#options as WebSocketOptions), {
      details: request => this.#detailsOfRequest(request),
      refused: (request, reason) => {
        const { origin } = request.headers
        const shown = origin === undefined ? reason : `${reason} (${origin})`
        const error = new AnaxError('ANAX_ERR_HANDSHAKE', { detail: `WebSocket: ${shown}` })
        this.#onRefused(error, this.#detailsOfRequest(request), 'handshake')
      },
    })
    return server
  }

  /** A broker that is not running accepts no streams: the connection is closed, and the client reconnects. */
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

  #detailsOfRequest(request: http.IncomingMessage): ConnectionDetails {
    const { addressOf } = this.#origin
    const details = this.#detailsOf(request.socket)
    const address = addressOf === undefined ? details.address : addressOf(request, details.address)
    // the known port is the proxy's
    return address === details.address ? details : { ...details, address, port: undefined }
  }

  /** Reports connections that end before the broker takes them over. */
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
    if (server instanceof http.Server || server instanceof https.Server) {
      const isPlain = server instanceof http.Server
      server.on('clientError', (cause: Error, socket: Socket) => {
        this.#refused(isPlain || isOfHttp(cause) ? httpError(cause) : tlsError(cause), socket)
        if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
        socket.destroy()
      })
    } else {
      server.on('tlsClientError', (cause: Error, socket: TLSSocket) => {
        this.#refused(tlsError(cause), socket)
        // Node.js leaves a connection open after a handshake timeout
        socket.destroy()
      })
    }
  }

  #refused(error: AnaxError, socket: Socket): void {
    this.#onRefused(error, this.#detailsOf(socket), 'handshake')
  }

  /** Closes new connections while an overloaded broker admits nobody, before they cost anything. TLS costs most. */
  #turnAwayWhenOverloaded(): void {
    this.#intercept((socket, pass) => {
      if (!this.#broker.refusesAll) {
        pass(socket)
        return
      }
      const details = this.#detailsOf(socket)
      socket.destroy()
      this.#onRefused(new AnaxError('ANAX_ERR_OVERLOADED'), details, 'overload')
    })
  }

  /** Limits the TLS handshakes and upgrades that begin in one turn of the event loop. */
  #paceConnections(): void {
    const pace = new ConnectionPace()
    this.#intercept((socket, pass) => pace.pass(socket, pass))
  }

  /** Passes each connection to a function before Node's server sees it. */
  #intercept(look: (socket: Socket, pass: (socket: Socket) => void) => void): void {
    const { server } = this
    const accepts = server.listeners('connection')
    for (const accept of accepts) server.off('connection', accept as () => void)
    const pass = (socket: Socket) => {
      for (const accept of accepts) Reflect.apply(accept, server, [socket])
    }
    server.on('connection', (socket: Socket) => look(socket, pass))
  }

  /** Reads the header of the PROXY protocol. */
  #readHeaders(read: ReadProxyHeader): void {
    this.#intercept((socket, pass) => {
      // reset before it was accepted, for example by a health check of HAProxy: the address is no longer known
      if (socket.remoteAddress === undefined) {
        socket.destroy()
        return
      }
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

/** A key that identifies an open connection, the same for the raw socket and the TLS socket around it. */
function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
