/** A connection as the host passes it in: the stream with its details. Owns the address of the peer. */
import type { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { ConnectionDetails } from '../../types/client/client.js'

export interface ConnectionSource {
  readonly stream: Duplex
  /** The HTTP request of a WebSocket upgrade. */
  readonly request: IncomingMessage | undefined
  readonly details: Readonly<ConnectionDetails>
}

/** The prefix of an IPv4 address on an IPv6 socket. */
const MAPPED_IPV4 = '::ffff:'

const NO_DETAILS: Readonly<ConnectionDetails> = Object.freeze({})

/** Reads the address immediately, because a closed socket has none. */
export function connectionSource(
  stream: Duplex,
  request: IncomingMessage | undefined,
  given: ConnectionDetails = NO_DETAILS,
): ConnectionSource {
  if (given.address !== undefined || !(stream instanceof Socket)) return { stream, request, details: given }
  const { remoteAddress, remotePort } = stream
  const address = remoteAddress?.startsWith(MAPPED_IPV4) ? remoteAddress.slice(MAPPED_IPV4.length) : remoteAddress
  return { stream, request, details: { ...given, address, port: remotePort } }
}

/** Whether the peer may be in another process, behind buffers of the operating system. */
export function isFromAfar(stream: Duplex, request: IncomingMessage | undefined): boolean {
  return stream instanceof Socket || request !== undefined
}
