/**
 * Distributes the WebSocket upgrades of an HTTP server: mounted paths go to MQTT, all others to the host's listeners.
 * Knows HTTP only; must not know WebSocket or a broker.
 *
 * An HTTP server passes every upgrade to every listener, and some (`ws` with a path, `@fastify/websocket`) refuse
 * upgrades of other paths. So an upgrade of a mounted path must not reach them, in whichever order they were added:
 * `docs/decisions/041-upgrades-by-path.md`.
 */
import type { Server as HttpServer, IncomingMessage } from 'node:http'
import { STATUS_CODES } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { Duplex } from 'node:stream'
import { AnaxError } from '../../index.js'

/** Handles an upgrade. */
export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

type WebServer = HttpServer | HttpsServer

/** Time for the host's listeners to answer an upgrade before it gets 404. */
const UNCLAIMED_MS = 5000

const mountsOf = new WeakMap<WebServer, UpgradeMounts>()

/**
 * Registers a handler for all upgrades of one path.
 * @returns a function that removes the handler
 * @throws AnaxError ANAX_ERR_LISTEN if the path already has a handler
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
    // other code wrapped `emit` later and still calls this one
    if (this.#emitBefore !== undefined) return
    this.#emitBefore = server.emit
    server.emit = this.#emit
  }

  #uninstall(): void {
    const server = this.#server
    server.off('upgrade', this.#onUnmounted)
    // other code that wrapped `emit` later still calls this one, which passes everything on
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

  /** Passes an upgrade of another path to the host's listeners. It gets 404 if none of them answers. */
  readonly #onUnmounted: UpgradeHandler = (_request, socket) => {
    if (this.#server.listenerCount('upgrade') === 1) {
      refuseNotFound(socket)
      return
    }
    // Node has removed its own error listener: a reset before the answer would end the process
    const onError = () => socket.destroy()
    socket.on('error', onError)
    // earlier requests on this connection were answered on it as well
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
