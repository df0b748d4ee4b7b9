/**
 * Limits the bytes of incomplete messages, which `ws` holds until a message is complete. Before CONNECT is answered,
 * each client has its own limit. Afterwards, the size is reported to the broker, which has one limit for all clients.
 * Counts bytes of the socket; must not know what they mean.
 */
import type { Duplex } from 'node:stream'
import type { Client } from '../../../types/client/client.js'
import type { HostWebSocket } from './web-socket-stream.js'

/** Bytes of frame headers. */
const FRAMING = 1024

/** A smaller rest may consist of frame headers only. */
const UNCERTAIN_BYTES = 256

/** Header sizes of a masked frame: with up to 125 bytes, up to 64 KiB, and more. */
const HEADER_BYTES = [6, 8, 14] as const

/** @param stream the WebSocket as the broker reads it */
export function boundMessages(
  socket: Duplex,
  webSocket: Pick<HostWebSocket, 'on' | 'pause' | 'resume' | 'terminate'>,
  { client, stream, maxBytes }: { client: Client; stream: Duplex; maxBytes: number },
): void {
  let held = 0
  /** Bytes of the messages that ended in the current chunk. */
  let passedOn = 0
  webSocket.on('message', (data: Buffer) => {
    passedOn += data.length + headerBytes(data.length)
  })
  const count = (chunk: Buffer) => {
    held += chunk.length
    // `ws` has already handled this chunk: the rest of it begins a message
    if (passedOn > 0) held = restOf(chunk, held - passedOn)
    passedOn = 0
    client.heldBytes = held
    if (held <= maxBytes + FRAMING || client.connected) return
    // CONNECT is being answered: further data can wait
    if (client.connecting) webSocket.pause()
    else stream.destroy(new Error(`a WebSocket message of more than ${maxBytes} bytes before CONNECT`))
  }
  socket.on('data', count)
  client.once('connected', () => webSocket.resume())
  client.once('close', () => {
    socket.off('data', count)
    // `ws` would continue to collect the message until the closing handshake is done
    if (held > 0) webSocket.terminate()
  })
}

/**
 * The bytes of a chunk that belong to an incomplete message: an estimate, because frame headers and pings are not seen
 * here.
 */
function restOf({ length }: Buffer, rest: number): number {
  return rest <= UNCERTAIN_BYTES ? 0 : Math.min(length, rest)
}

function headerBytes(length: number): number {
  if (length <= 125) return HEADER_BYTES[0]
  return length <= 0xffff ? HEADER_BYTES[1] : HEADER_BYTES[2]
}
