/**
 * The origin of a client: transport, listener, port. Owns that it stays known after the socket is closed, which then no
 * longer has it.
 */
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Client } from '../../../types/client/client.js'

export interface Origin {
  readonly transport: string
  readonly listener: string
  readonly port: string
}

/** The properties of a client that have its origin. */
type Connected = Pick<Client, 'conn' | 'req' | 'details'>

const origins = new WeakMap<Connected, Origin>()

/** The origin of a client, with empty names for unknown parts. */
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
