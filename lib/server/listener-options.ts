/** Options of one listener. Types only; server.ts checks what the types cannot express. */
import type { TlsSource } from './tls-settings.js'
import type { WebSocketOptions } from './web-socket/web-socket.js'

interface CommonOptions {
  /** Name of the listener, which hooks see as `client.listener`. @default none */
  name?: string
  /** Maximum concurrent connections; further ones are closed and reported to `onRefused`. @default no limit */
  maxConnections?: number
  /**
   * Connections that the system queues until they are accepted. The system has its own limit (`net.core.somaxconn` on
   * Linux); a client that finds the queue full tries again after a second. @default 8192
   */
  backlog?: number
}

export interface PortOptions extends CommonOptions {
  /** @default '127.0.0.1', this machine only; '0.0.0.0' or '::' listens on all addresses */
  host?: string
  /** 0 takes any free port; see `addresses`. @default 1883 (tcp), 8883 (tls), 8083 (ws), 8084 (wss) */
  port?: number
  /**
   * Proxies and load balancers that are trusted to state a client's address: addresses, and networks like `10.0.0.0/8`.
   * On `ws` and `wss`, the headers `Forwarded` and `X-Forwarded-For` are read from their requests only.
   * Needs the packages `forwarded` and `forwarded-parse` there. @default none
   */
  trustedProxies?: readonly string[]
  /**
   * Whether each connection from `trustedProxies` begins with a header of the PROXY protocol, version 1 or 2; one
   * without it is closed. Other connections are served as they are. Needs the package `proxy-protocol-js`. @default
   * false
   */
  proxyProtocol?: boolean
}

export interface SecureOptions {
  /**
   * Key, certificate and other options of `node:tls`; or a function that returns them, which `server.reload()` calls
   * again. Without `minVersion` and `ciphers`: TLS 1.2 and 1.3 with forward secrecy and authenticated encryption.
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

/** The transport of a listener. */
export type Transport = ListenerOptions['transport']
