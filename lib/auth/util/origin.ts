/**
 * Where a client comes in: transport, listener, port. Owns that this is known as long as the client is: a socket that is
 * closed has forgotten it.
 */
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Client } from '../../../types/client.js'

export interface Origin {
  readonly transport: string
  readonly listener: string
  readonly port: string
}

/** What of a client tells its origin. */
type Connected = Pick<Client, 'conn' | 'req' | 'details'>

const origins = new WeakMap<Connected, Origin>()

/** The origin of a client; empty names for what is not known. */
export function originOf(client: Connected): Origin {
  const known = origins.get(client)
  if (known !== undefined) return known
  const { listener = '' } = client.details
  const { localPort = '' } = socketOf(client)
  const origin = { transport: transportOf(client), listener, port: String(localPort) }
  origins.set(client, origin)
  return origin
}

/** The transport of a client: as the listener specifies it, or determined from the stream. */
export function transportOf(client: Pick<Client, 'conn' | 'req' | 'details'>): string {
  if (client.details.transport !== undefined) return client.details.transport
  const socket = socketOf(client)
  const isSecure = socket.encrypted === true
  if (client.req !== undefined) return isSecure ? 'wss' : 'ws'
  if (isSecure) return 'tls'
  if (socket.remoteAddress !== undefined) return 'tcp'
  return socket.remoteFamily === undefined && 'connecting' in socket ? 'unix' : 'stream'
}

function socketOf({ conn, req }: Pick<Client, 'conn' | 'req'>): Partial<Socket & TLSSocket> {
  return (req?.socket ?? conn) as Partial<Socket & TLSSocket>
}
