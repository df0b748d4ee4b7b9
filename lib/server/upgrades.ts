/**
 * Who gets which WebSocket upgrade of an HTTP server: MQTT its own paths, the host's listeners everything else.
 * Knows HTTP only; knows neither WebSocket nor a broker.
 *
 * An HTTP server hands every upgrade to every listener, and some (`ws` with a path, `@fastify/websocket`) refuse what
 * is not theirs. So an upgrade of a mounted path must not reach them at all, whoever was added first:
 * `docs/decisions/041-upgrades-by-path.md`.
 */
import type { Server as HttpServer, IncomingMessage } from 'node:http'
import { STATUS_CODES } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { Duplex } from 'node:stream'
import { AnaxError } from '../index.js'

/** What is done with an upgrade. */
export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

type WebServer = HttpServer | HttpsServer

/** How long the host's listeners may take to answer an upgrade before it gets 404. */
const UNCLAIMED_MS = 5000

const mountsOf = new WeakMap<WebServer, UpgradeMounts>()

/**
 * Gives a handler all upgrades of one path.
 * @returns a function that ends it
 * @throws AnaxError ANAX_ERR_LISTEN where the path has a handler
 */
export function mountUpgrade(server: WebServer, path: string, handler: UpgradeHandler): () => void {
  const mounts = mountsOf.get(server) ?? new UpgradeMounts(server)
  mountsOf.set(server, mounts)
  return mounts.add(path, handler)
}

/** The path of a request, without its query. */
export function pathOf({ url = '/' }: IncomingMessage): string {
  return url.split('?', 1)[0] ?? url
}

/** Answers an upgrade with an HTTP error and closes the connection. */
export function refuseUpgrade(socket: Duplex, status: number, text: string): void {
  socket.on('error', () => socket.destroy())
  socket.once('finish', () => socket.destroy())
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: text/plain\r\n`
  socket.end(`${head}Content-Length: ${Buffer.byteLength(text) + 1}\r\n\r\n${text}\n`)
}

class UpgradeMounts {
  readonly #server: WebServer
  readonly #handlers = new Map<string, UpgradeHandler>()
  #emitBefore: WebServer['emit'] | undefined

  constructor(server: WebServer) {
    this.#server = server
  }

  add(path: string, handler: UpgradeHandler): () => void {
    if (this.#handlers.has(path)) {
      throw new AnaxError('ANAX_ERR_LISTEN', { detail: `the path ${path} of this HTTP server serves MQTT already` })
    }
    if (this.#handlers.size === 0) this.#install()
    this.#handlers.set(path, handler)
    return () => {
      if (this.#handlers.get(path) !== handler) return
      this.#handlers.delete(path)
      if (this.#handlers.size === 0) this.#uninstall()
    }
  }

  #install(): void {
    const server = this.#server
    // without a listener, Node treats an upgrade as an ordinary request
    server.on('upgrade', this.#onUnmounted)
    // still in the chain of somebody who wrapped `emit` later
    if (this.#emitBefore !== undefined) return
    this.#emitBefore = server.emit
    server.emit = this.#emit
  }

  #uninstall(): void {
    const server = this.#server
    server.off('upgrade', this.#onUnmounted)
    // somebody who wrapped `emit` later still calls ours, which passes everything on
    if (server.emit !== this.#emit) return
    Reflect.deleteProperty(server, 'emit')
    if (this.#emitBefore !== undefined && server.emit !== this.#emitBefore) server.emit = this.#emitBefore
    this.#emitBefore = undefined
  }

  readonly #emit = (...args: unknown[]): boolean => {
    const [event, request, socket, head] = args
    const handler = event === 'upgrade' ? this.#handlers.get(pathOf(request as IncomingMessage)) : undefined
    if (handler === undefined) return Reflect.apply(this.#emitBefore!, this.#server, args)
    handler(request as IncomingMessage, socket as Duplex, head as Buffer)
    return true
  }

  /** An upgrade of no mounted path: the host's listeners may have it; what nobody answers gets 404. */
  readonly #onUnmounted: UpgradeHandler = (_request, socket) => {
    if (this.#server.listenerCount('upgrade') === 1) {
      refuseNotFound(socket)
      return
    }
    // Node took its own listener away: a reset before anybody answers would end the process
    const onError = () => socket.destroy()
    socket.on('error', onError)
    // requests on this connection before the upgrade were answered on it, too
    const writtenBefore = bytesWritten(socket)
    const timer = setTimeout(() => {
      socket.off('error', onError)
      const isAnswered = socket.destroyed || socket.writableEnded || bytesWritten(socket) > writtenBefore
      if (!isAnswered) refuseNotFound(socket)
    }, UNCLAIMED_MS)
    timer.unref()
    socket.once('close', () => clearTimeout(timer))
  }
}

function refuseNotFound(socket: Duplex): void {
  refuseUpgrade(socket, 404, 'No WebSocket here')
}

function bytesWritten(socket: Duplex): number {
  return 'bytesWritten' in socket ? Number(socket.bytesWritten) : 0
}
