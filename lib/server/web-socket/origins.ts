/** The web pages that may connect: checks the header `Origin` against the option `allowedOrigins`. Knows HTTP only. */
import type { IncomingMessage } from 'node:http'
import { AnaxError } from '../../index.js'

/** Values of the `Origin` header, or a function that decides. */
type AllowedOrigins = readonly string[] | ((origin: string, request: IncomingMessage) => boolean)

/**
 * Checks the form of origins. Browsers send an origin in exactly one form; in another form, it would refuse the page
 * that it is meant to allow.
 * @throws AnaxError ANAX_ERR_ARGUMENT
 */
export function checkOrigins(origins: AllowedOrigins | undefined): void {
  if (origins === undefined || typeof origins === 'function') return
  if (!Array.isArray(origins)) {
    throw new AnaxError('ANAX_ERR_ARGUMENT', {
      detail: `allowedOrigins has to be an array or a function, got ${origins === null ? 'null' : typeof origins}`,
    })
  }
  for (const origin of origins) {
    if (isOrigin(origin)) continue
    const detail = `allowedOrigins has ${JSON.stringify(origin)}, which is no origin${hintFor(origin)}`
    throw new AnaxError('ANAX_ERR_ARGUMENT', { detail })
  }
}

/**
 * Whether the page that a request comes from may connect. Clients other than browsers send no origin, and may connect.
 */
export function isAllowedOrigin(request: IncomingMessage, allowed: AllowedOrigins | undefined): boolean {
  const { origin } = request.headers
  if (allowed === undefined || origin === undefined) return true
  if (typeof allowed !== 'function') return allowed.includes(origin)
  try {
    return allowed(origin, request) === true
  } catch {
    // if the host's function throws, the origin is refused
    return false
  }
}

/** `null` is the origin of pages without one, such as files; apps have their own schemes. */
function isOrigin(text: unknown): boolean {
  if (typeof text !== 'string') return false
  if (/^https?:/.test(text)) return originOf(text) === text
  return text === 'null' || /^[a-z][a-z\d+.-]*:\/\/[^\s/?#]+$/.test(text)
}

function hintFor(text: unknown): string {
  if (text === '*') return ': without the option, all may connect'
  const meant = typeof text === 'string' ? (originOf(text) ?? originOf(`https://${text}`)) : undefined
  return meant === undefined ? ", such as 'https://example.com'" : `: did you mean '${meant}'?`
}

/** The origin of a page on the web. */
function originOf(text: string): string | undefined {
  const { protocol, origin } = URL.canParse(text) ? new URL(text) : {}
  return protocol === 'http:' || protocol === 'https:' ? origin : undefined
}
