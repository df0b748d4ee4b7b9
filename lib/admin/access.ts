/**
 * Access checks: the `Host` of a request, its origin, and the token.
 * Owns these checks and the cookie; must not know routes.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import type { ResolvedAdminOptions } from './options.js'
import { Problem } from './problem.js'

/** The user of a request; undefined if there is no name. */
export interface Caller {
  name: string | undefined
}

const COOKIE = 'anax-admin'

/** Digits of the token's digest in the name of the cookie. */
const NAME_DIGITS = 8

const READING: ReadonlySet<string> = new Set(['GET', 'HEAD'])

export class Access {
  readonly #options: ResolvedAdminOptions
  /**
   * The name of the cookie with the token. Browsers send a cookie to all ports of a host and to all paths below its
   * own, so two brokers on one machine need two names.
   */
  readonly cookieName: string

  constructor(options: ResolvedAdminOptions) {
    this.#options = options
    const { token } = options
    this.cookieName =
      token === undefined ? COOKIE : `${COOKIE}-${digestOf(token).toString('hex').slice(0, NAME_DIGITS)}`
  }

  /**
   * Refuses requests that a foreign page made a browser send: to an unknown host name (DNS rebinding), or from another
   * origin. Programs do not send these headers and are not affected.
   * @throws Problem
   */
  checkOrigin({ headers, method = 'GET' }: IncomingMessage): void {
    const { host = '', origin, 'sec-fetch-site': site, 'sec-fetch-mode': mode } = headers
    if (!this.#isOwnName(host)) {
      throw new Problem(421, 'wrong-host', 'This host name is not one of those that the administration answers to')
    }
    const isForeign = origin !== undefined && !this.#isOwnOrigin(origin, host)
    const isVisit = mode === 'navigate' && READING.has(method)
    const comesFromElsewhere = site !== undefined && site !== 'same-origin' && site !== 'none' && !isVisit
    if (isForeign || comesFromElsewhere) throw new Problem(403, 'wrong-origin', 'Sent by a page of another origin')
  }

  /** The user of the request; undefined if it is not authorized. */
  async callerOf(request: IncomingMessage): Promise<Caller | undefined> {
    const { authorize } = this.#options
    if (authorize === undefined) return this.isToken(this.#tokenOf(request)) ? { name: undefined } : undefined
    try {
      const answer = await authorize(request)
      if (typeof answer === 'string' && answer !== '') return { name: answer }
      return answer === true ? { name: undefined } : undefined
    } catch {
      return undefined
    }
  }

  /** Whether the text is the token, in constant time. */
  isToken(text: string | undefined): boolean {
    const { token } = this.#options
    return token !== undefined && text !== undefined && timingSafeEqual(digestOf(text), digestOf(token))
  }

  /** The header for a session cookie with the token. */
  cookie(request: IncomingMessage): string {
    const isSecure = 'encrypted' in request.socket || request.headers['x-forwarded-proto'] === 'https'
    const secure = isSecure ? '; Secure' : ''
    return `${this.cookieName}=${this.#options.token}; HttpOnly; SameSite=Strict; Path=${this.#options.path || '/'}${secure}`
  }

  /** The token from `Authorization: Bearer`, or from the cookie. */
  #tokenOf({ headers }: IncomingMessage): string | undefined {
    const bearer = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1]
    const cookies = (headers.cookie ?? '').split(/; */)
    const name = `${this.cookieName}=`
    return bearer ?? cookies.find(cookie => cookie.startsWith(name))?.slice(name.length)
  }

  #isOwnName(host: string): boolean {
    const name = nameOf(host)
    return name === 'localhost' || isIP(name) !== 0 || this.#options.hosts.has(name)
  }

  #isOwnOrigin(origin: string, host: string): boolean {
    if (!URL.canParse(origin)) return false
    const { host: from, hostname } = new URL(origin)
    // a proxy may have replaced Host: then the names that the application configured decide
    return from === host.toLowerCase() || this.#options.hosts.has(hostname)
  }
}

/** The name in a `Host` header, without port and IPv6 brackets. */
function nameOf(host: string): string {
  const [, address, name = ''] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d+)?$/.exec(host.toLowerCase()) ?? []
  return address ?? name
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
