/**
 * Parses the URLs of servers: addresses, and user, password, token and TLS, which the client of NATS does not read from
 * URLs. Must not know a connection.
 */
import type { NodeConnectionOptions } from '@nats-io/transport-node'

/** The addresses of servers, and the connection options in their URLs. */
export interface ServerList {
  /** The servers without user and password, because they are shown in messages. */
  readonly servers: string[]
  readonly connection: Pick<NodeConnectionOptions, 'user' | 'pass' | 'token' | 'tls'>
}

const URL_PARTS = /^(?:(nats|tls):\/\/)?(?:([^/]*)@)?([^@/]+)\/?$/

/** @returns undefined if one of them is not a URL of NATS */
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

/** As in all tools of NATS, a single word is a token. */
function credentialsOf(text: string): ServerList['connection'] {
  const colon = text.indexOf(':')
  if (colon === -1) return { token: decodeURIComponent(text) }
  return { user: decodeURIComponent(text.slice(0, colon)), pass: decodeURIComponent(text.slice(colon + 1)) }
}
