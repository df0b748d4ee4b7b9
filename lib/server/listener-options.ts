/** What may be said of one listener. Types only; server.ts checks what they cannot. */
import type { TlsSource } from './tls-settings.js'
import type { WebSocketOptions } from './web-socket.js'

interface CommonOptions {
  /** What hooks know the listener by: `client.listener`. @default none */
  name?: string
  /** Connections of this listener at once; further ones are closed, and `onRefused` is told. @default no limit */
  maxConnections?: number
}

export interface PortOptions extends CommonOptions {
  /** @default '127.0.0.1', this machine only; '0.0.0.0' or '::' listens on all addresses */
  host?: string
  /** 0 takes any free port; `addresses` tells which. @default 1883 (tcp), 8883 (tls), 8083 (ws), 8084 (wss) */
  port?: number
  /**
   * Proxies and load balancers whose word about a client's address counts: addresses, and networks like `10.0.0.0/8`.
   * On `ws` and `wss` the headers `Forwarded` and `X-Forwarded-For` of their requests are read. Nobody else's are.
   * Needs the packages `forwarded` and `forwarded-parse` there. @default none
   */
  trustedProxies?: readonly string[]
  /**
   * Whether each connection from `trustedProxies` begins with a header of the PROXY protocol, version 1 or 2; one
   * without it is closed. Other connections are served as they are. Needs the package `proxy-protocol-js`. @default false
   */
  proxyProtocol?: boolean
}

export interface SecureOptions {
  /**
   * Key, certificate and the rest, as `node:tls` takes them; or a function that returns them, which
   * `server.reload()` asks again. Without `minVersion` and `ciphers`: TLS 1.2 and 1.3 with forward secrecy and
   * authenticated encryption.
   */
  tls: TlsSource
}

export interface SocketFile extends CommonOptions {
  /** The socket's file. */
  path: string
  trustedProxies?: undefined
  proxyProtocol?: undefined
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
