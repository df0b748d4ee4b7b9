/**
 * Reads the URLs of servers: addresses, and the user, password, token and TLS that a URL may have, which the client of NATS
 * does not take from there. Must not know a connection.
 */
import type { NodeConnectionOptions } from '@nats-io/transport-node'

/** Where the servers are, and what the URLs say about connections. */
export interface ServerList {
  /** Without user and password: these are shown in messages. */
  readonly servers: string[]
  readonly connection: Pick<NodeConnectionOptions, 'user' | 'pass' | 'token' | 'tls'>
}

const URL_PARTS = /^(?:(nats|tls):\/\/)?(?:([^/]*)@)?([^@/]+)\/?$/

/** @returns undefined where one of them is not a URL of NATS */
export function serversOf(urls: string | readonly string[]): ServerList | undefined {
  const servers: string[] = []
  const connection: ServerList['connection'] = {}
  for (const url of typeof urls === 'string' ? [urls] : urls) {
    const parts = URL_PARTS.exec(url.trim())
    if (parts === null) return undefined
    const [, scheme, credentials, address] = parts
    servers.push(address!)
    if (scheme === 'tls') connection.tls = {}
    if (credentials !== undefined) Object.assign(connection, credentialsOf(credentials))
  }
  return { servers, connection }
}

/** As all tools of NATS read it: one word alone is a token. */
function credentialsOf(text: string): ServerList['connection'] {
  const colon = text.indexOf(':')
  if (colon === -1) return { token: decodeURIComponent(text) }
  return { user: decodeURIComponent(text.slice(0, colon)), pass: decodeURIComponent(text.slice(colon + 1)) }
}
