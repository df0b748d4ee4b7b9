/**
 * Opens the stream of a client from a URL: TCP, TLS, WebSocket, Unix sockets. Knows sockets; of MQTT it knows only the
 * name of the WebSocket sub-protocol.
 */
import { once } from 'node:events'
import net from 'node:net'
import type { Duplex } from 'node:stream'
import tls, { type ConnectionOptions } from 'node:tls'
import { createWebSocketStream, WebSocket } from 'ws'
import { AnaxError } from '../errors.js'

/** How a stream is opened. */
export interface DialOptions {
  /** Options of `node:tls`, for `mqtts:` and `wss:`: `ca`, a client's `key` and `cert`, and so on. */
  tls?: ConnectionOptions
}

const DEFAULT_PORTS = { 'mqtt:': 1883, 'mqtts:': 8883 } as const

/**
 * Opens the stream for `mqtt://`, `mqtts://`, `ws://`, `wss://` or `mqtt+unix:///path`.
 * @throws AnaxError ANAX_ERR_ARGUMENT for another URL, ANAX_ERR_STREAM if there is no answer
 */
export async function openStream(url: string, options: DialOptions = {}): Promise<Duplex> {
  const address = parse(url)
  try {
    return await open(address, options)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new AnaxError('ANAX_ERR_STREAM', { detail: `${url}: ${reason}`, cause })
  }
}

function parse(url: string): URL {
  const address = URL.canParse(url) ? new URL(url) : undefined
  const isKnown = address && ['mqtt:', 'mqtts:', 'ws:', 'wss:', 'mqtt+unix:'].includes(address.protocol)
  if (isKnown) return address
  throw new AnaxError('ANAX_ERR_ARGUMENT', {
    detail: `a URL begins with mqtt://, mqtts://, ws://, wss:// or mqtt+unix://, got '${url}'`,
  })
}

async function open(address: URL, options: DialOptions): Promise<Duplex> {
  const { protocol } = address
  // an IPv6 address has brackets in a URL, but not for a socket
  const host = address.hostname.replace(/^\[|\]$/g, '')
  switch (protocol) {
    case 'mqtt+unix:':
      return opened(net.connect({ path: address.pathname }), 'connect')
    case 'ws:':
    case 'wss:': {
      const socket = new WebSocket(address, 'mqtt', { ...options.tls })
      await once(socket, 'open')
      return createWebSocketStream(socket)
    }
    case 'mqtts:': {
      const port = Number(address.port || DEFAULT_PORTS[protocol])
      const servername = net.isIP(host) ? {} : { servername: host }
      const socket = tls.connect({ host, port, ...servername, ...options.tls })
      return opened(socket.setNoDelay(), 'secureConnect')
    }
    default: {
      const port = Number(address.port || DEFAULT_PORTS['mqtt:'])
      return opened(net.connect({ host, port, noDelay: true }), 'connect')
    }
  }
}

async function opened<S extends Duplex>(stream: S, event: string): Promise<S> {
  await once(stream, event)
  return stream
}
