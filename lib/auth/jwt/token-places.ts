/**
 * Finds the token of a client: in the password, the user name, or the headers of a WebSocket upgrade. Owns how each
 * place is read; must not know whether a token is valid.
 */
import type { IncomingMessage } from 'node:http'
import type { Attempt } from '../parts.js'

/** Places of a token. `authorization` and `cookie` are headers of a WebSocket's HTTP request. */
export type TokenPlace = 'password' | 'username' | 'authorization' | 'cookie' | 'enhanced'

export interface TokenPlaces {
  from: readonly TokenPlace[]
  cookie: string | undefined
  allowedOrigins: readonly string[]
}

/** Three parts. The last one is empty in an unsigned token, which is invalid, but must be recognized. */
const SHAPE = /^[\w-]+\.[\w-]+\.[\w-]*$/

/** Longer tokens are refused without verification. */
const MAX_TOKEN_BYTES = 16_384

/** The token of the first place that has one; `unusable` if it must not be accepted from there. */
export function findToken(
  { client, username, password }: Attempt,
  places: TokenPlaces,
): string | 'unusable' | undefined {
  for (const place of places.from) {
    const text = read(place, { username, password, request: client.req }, places)
    if (text === undefined || text === '') continue
    if (place === 'cookie' && !isAllowed(client.req, places.allowedOrigins)) return 'unusable'
    if (text.length > MAX_TOKEN_BYTES) return 'unusable'
    if (SHAPE.test(text)) return text
    // it may be an ordinary password, for another module
    if (place === 'authorization' || place === 'cookie') return 'unusable'
  }
  return undefined
}

/** The token in the data of an enhanced authentication. */
export function tokenOf(data: Buffer | undefined): string | undefined {
  if (data === undefined || data.length > MAX_TOKEN_BYTES) return undefined
  const text = data.toString('latin1')
  return SHAPE.test(text) ? text : undefined
}

interface Source {
  username: string | undefined
  password: Buffer | undefined
  request: IncomingMessage | undefined
}

function read(place: TokenPlace, { username, password, request }: Source, { cookie }: TokenPlaces): string | undefined {
  switch (place) {
    case 'password':
      return password === undefined || password.length > MAX_TOKEN_BYTES ? undefined : password.toString('latin1')
    case 'username':
      return username
    case 'authorization':
      return /^Bearer +(\S+) *$/i.exec(request?.headers.authorization ?? '')?.[1]
    case 'cookie':
      return cookie === undefined ? undefined : cookieOf(request, cookie)
    case 'enhanced':
      return undefined
  }
}

function cookieOf(request: IncomingMessage | undefined, name: string): string | undefined {
  for (const pair of (request?.headers.cookie ?? '').split(';')) {
    const equals = pair.indexOf('=')
    if (equals > 0 && pair.slice(0, equals).trim() === name)
      return pair
        .slice(equals + 1)
        .trim()
        .replace(/^"(.*)"$/, '$1')
  }
  return undefined
}

/** Whether the page may send the cookie: a browser sends cookies with requests of any page. */
function isAllowed(request: IncomingMessage | undefined, origins: readonly string[]): boolean {
  return request?.headers.origin !== undefined && origins.includes(request.headers.origin)
}
