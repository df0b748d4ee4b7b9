/**
 * The administration of one broker over HTTP: checks a request and passes it to its route, or refuses it.
 * Owns the order of the checks and the audit; must not know what routes do.
 */
import { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Broker } from '../../types/broker/broker.js'
import { checkBroker } from '../index.js'
import { Access } from './access.js'
import type { AuditRecord } from './audit.js'
import { ClientTraffic } from './client-traffic.js'
import { type Exchange, readBody, send, sendJson, sendProblem, setHeaders } from './exchange.js'
import { type AdminOptions, type ResolvedAdminOptions, resolveAdminOptions } from './options.js'
import { pageFile, signInPage } from './page-files.js'
import { invalid, notFound, Problem, problemOf } from './problem.js'
import { Recorder } from './recorder.js'
import { Live } from './routes/live.js'
import { openApi } from './routes/openapi.js'
import { type Parts, readiness } from './routes/reading.js'
import { ROUTES, type WriteRoute } from './routes/routes.js'

/** Events and their arguments. */
export interface AdminEvents {
  /** A request changed something, or failed to. */
  audit: [record: AuditRecord]
}

const DOCUMENT = '/api/v1/openapi.json'

/** Minimum time for counting the messages per second of one client. */
const RATE_MS = 1000

/** The administration of a broker. */
export class Admin extends EventEmitter<AdminEvents> {
  readonly #options: ResolvedAdminOptions
  readonly #access: Access
  readonly #parts: Parts
  readonly #live: Live

  constructor(broker: Broker, options: AdminOptions) {
    super()
    this.#options = resolveAdminOptions(options)
    const { sampleMs, history } = this.#options
    this.#access = new Access(this.#options)
    const { broker: brokerOptions, log } = this.#options
    const traffic = new ClientTraffic(broker, Math.min(sampleMs, RATE_MS))
    const recorder = new Recorder(broker, sampleMs, history)
    recorder.watch(() => traffic.forget())
    this.#parts = { broker, recorder, traffic, options: brokerOptions, log }
    this.#live = new Live(this.#parts)
    broker.once('closed', this.#onClosed)
  }

  /** The token for `Authorization: Bearer`, or once for `?token=`; undefined if `authorize` decides. */
  get token(): string | undefined {
    return this.#options.token
  }

  /**
   * Answers every request: a listener for `http.createServer`, and a handler for Express. Bound to this object.
   * Resolves when the answer is sent, or the event stream is open; never rejects.
   */
  readonly handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    setHeaders(response)
    try {
      await this.#answer(request, response)
    } catch (error) {
      sendProblem(response, problemOf(error))
    }
  }

  /**
   * Ends event streams and stops counting. The broker continues. When the broker closes, this happens automatically.
   */
  close(): void {
    this.#parts.broker.off('closed', this.#onClosed)
    this.#parts.recorder.close()
    this.#parts.traffic.close()
    this.#live.close()
  }

  readonly #onClosed = (): void => this.close()

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#access.checkOrigin(request)
    const { path, query, whole } = this.#locationOf(request)
    const method = request.method === 'HEAD' ? 'GET' : (request.method ?? 'GET')
    if (method === 'POST' && path === '/login') return this.#signIn(request, response)
    if (method === 'GET' && query.has('token')) {
      return this.#enter(request, response, query.get('token')!, path === '/' ? folderOf(whole) : lastOf(whole))
    }
    // the page and the form request their files by relative URLs
    if (method === 'GET' && path === '/' && !whole.endsWith('/')) return redirect(response, folderOf(whole))
    const isHealth = path === '/livez' || path === '/readyz'
    const isOpen = isHealth && this.#options.health === 'everybody'
    const caller = isOpen ? { name: undefined } : await this.#access.callerOf(request)
    if (caller === undefined) return this.#refuse(response, { asksForToken: path === '/', isWrong: false })
    if (isHealth) return this.#health(path, response)
    if (path === DOCUMENT && method === 'GET') return sendJson(response, 200, openApi(this.#access.cookieName))
    if (path.startsWith('/api/')) return this.#route(method, path, { caller, request, response, query })
    this.#page(method, path, response)
  }

  /** The path below the mount path of the administration, and the whole path in the browser. */
  #locationOf(request: IncomingMessage & { originalUrl?: string }) {
    const { url = '/', originalUrl = url } = request
    const { pathname, searchParams } = urlOf(url)
    const { path: mount } = this.#options
    const isBelow = mount !== '' && (pathname === mount || pathname.startsWith(`${mount}/`))
    const path = isBelow ? pathname.slice(mount.length) || '/' : pathname
    return { path, query: searchParams, whole: urlOf(originalUrl).pathname }
  }

  /** Refuses a request. @throws Problem unless a browser can be asked for the token */
  #refuse(response: ServerResponse, { asksForToken, isWrong }: { asksForToken: boolean; isWrong: boolean }): void {
    if (!asksForToken || this.token === undefined) throw new Problem(401, 'not-authorized', 'Not authorized')
    send(response, 401, 'text/html; charset=utf-8', signInPage(isWrong))
  }

  async #signIn(request: IncomingMessage & { body?: unknown }, response: ServerResponse) {
    const body = request.body as { token?: unknown } | undefined
    const token = body?.token ?? new URLSearchParams(await readBody(request)).get('token')
    this.#enter(request, response, String(token ?? ''), './')
  }

  /** Moves the token from the address into a cookie. */
  #enter(request: IncomingMessage, response: ServerResponse, token: string, location: string): void {
    const isKnown = this.#access.isToken(token)
    const outcome = isKnown ? 'done' : 'failed'
    const address = request.socket?.remoteAddress
    this.#audit({ action: 'sign-in', target: '', by: undefined, address, outcome, error: undefined })
    if (!isKnown) {
      this.#refuse(response, { asksForToken: true, isWrong: true })
      return
    }
    response.setHeader('set-cookie', this.#access.cookie(request))
    redirect(response, location)
  }

  async #health(path: string, response: ServerResponse): Promise<void> {
    const ok = path === '/livez' || (await readiness(this.#parts))
    sendJson(response, ok ? 200 : 503, { ok })
  }

  #page(method: string, path: string, response: ServerResponse): void {
    if (method !== 'GET') throw new Problem(405, 'wrong-method', 'The page can only be read')
    const file = pageFile(path)
    if (file === undefined) throw notFound('There is nothing here')
    send(response, 200, file.type, file.content)
  }

  async #route(method: string, path: string, exchange: Omit<Exchange, 'id'>): Promise<void> {
    const fitting = MATCHERS.filter(({ pattern }) => pattern.test(path))
    if (fitting.length === 0) throw notFound('There is no such route')
    const found = fitting.find(({ route }) => route.method === method)
    if (found === undefined) throw new Problem(405, 'wrong-method', `This route has no ${method}`)
    const { route, pattern } = found
    const full = { ...exchange, id: decoded(pattern.exec(path)?.[1] ?? '') }
    if (route.kind === 'stream') return route.run(this.#live, full)
    const result = route.kind === 'read' ? route.run(this.#parts, full) : this.#write(route, full)
    sendJson(exchange.response, 200, await result)
  }

  async #write(route: WriteRoute, exchange: Exchange): Promise<unknown> {
    let target = ''
    const { request, caller } = exchange
    // read before anything is awaited: an ended connection has no address
    const address = request.socket.remoteAddress
    const tell = (outcome: AuditRecord['outcome'], error?: string) => {
      this.#audit({ action: route.action, target, by: caller.name, address, outcome, error })
    }
    try {
      const result = await route.run(this.#parts, exchange, text => {
        target = text
      })
      tell('done')
      return result
    } catch (error) {
      const { status, message } = problemOf(error)
      tell(status === 404 ? 'not-found' : 'failed', message)
      throw error
    }
  }

  #audit(record: Omit<AuditRecord, 'at'>): void {
    this.emit('audit', { at: Date.now(), ...record })
  }
}

/**
 * Creates the administration of a broker: a JSON API and a page. It opens no port: pass `handle` to a server.
 * @throws AnaxError ANAX_ERR_OPTION; ANAX_ERR_ARGUMENT without a broker
 */
export function createAdmin(broker: Broker, options: AdminOptions = {}): Admin {
  checkBroker(broker)
  return new Admin(broker, options)
}

const MATCHERS = ROUTES.map(route => ({
  route,
  pattern: new RegExp(`^${route.path.replace('{id}', '([^/]+)')}$`),
}))

/** @throws Problem */
function urlOf(target: string): URL {
  if (!URL.canParse(target, 'http://none')) throw invalid('the target is no URL')
  return new URL(target, 'http://none')
}

/** @param location relative to the address in the browser: a proxy may have put a prefix before it */
function redirect(response: ServerResponse, location: string): void {
  response.writeHead(303, { location })
  response.end()
}

/** The relative URL of a path's folder: `./admin/` for `/admin`, `./` for `/admin/`. */
function folderOf(whole: string): string {
  return whole.endsWith('/') ? './' : `${lastOf(whole)}/`
}

/** The relative URL of a path itself. */
function lastOf(whole: string): string {
  return `./${whole.slice(whole.lastIndexOf('/') + 1)}`
}

/** @throws Problem */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw invalid('the identifier is not percent-encoded UTF-8')
  }
}
