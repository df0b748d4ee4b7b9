/**
 * The address of a client behind HTTP proxies: `Forwarded` (RFC 7239) and `X-Forwarded-For`, as far as each proxy on
 * the way is trusted. Owns the choice of the entry; libraries parse the headers.
 */
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { notInstalled } from '../not-installed.js'
import { type IsTrusted, plainAddress } from './trusted-proxies.js'

/** The address of the client that sent a request: that of the connection, unless a trusted proxy states another. */
export type AddressOf = (request: IncomingMessage, peer: string | undefined) => string | undefined

/** @throws AnaxError ANAX_ERR_LISTEN if a package is not installed */
export async function forwardedAddress(isTrusted: IsTrusted): Promise<AddressOf> {
  const parseForwarded = await forwardedParser()
  const parseXForwardedFor = await xForwardedForParser()

  const hops = (request: IncomingMessage): (string | undefined)[] => {
    const { forwarded } = request.headers
    // nearest first; the library adds the address of the connection in front
    if (forwarded === undefined) return parseXForwardedFor(request).slice(1).map(addressIn)
    return parseForwarded(forwarded)
      .map(hop => addressIn(hop.for))
      .reverse()
  }

  return (request, peer) => {
    let address = peer
    try {
      for (const hop of hops(request)) {
        if (!isTrusted(address) || hop === undefined) break
        address = hop
      }
    } catch {
      // an unreadable header is ignored
    }
    return address
  }
}

const OPTION = 'the option trustedProxies'

async function forwardedParser() {
  try {
    return (await import('forwarded-parse')).default
  } catch (cause) {
    throw notInstalled('forwarded-parse', OPTION, cause)
  }
}

async function xForwardedForParser() {
  try {
    return (await import('forwarded')).default
  } catch (cause) {
    throw notInstalled('forwarded', OPTION, cause)
  }
}

/** Removes port and brackets. Undefined for `unknown` and for obfuscated identifiers. */
function addressIn(node: string | undefined): string | undefined {
  if (node === undefined) return undefined
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(node)?.[1]
  const address = bracketed ?? (isIP(node) === 0 ? node.replace(/:\d+$/, '') : node)
  return isIP(address) === 0 ? undefined : plainAddress(address)
}
