/**
 * Bounds what `ws` holds of one message of a client that is not connected yet: `ws` passes on whole messages only, and its
 * own limit is for connected clients. Counts bytes of the socket; must not know what they mean.
 */
import type { Duplex } from 'node:stream'
import type { Client } from '../../../types/client.js'
import type { HostWebSocket } from './web-socket-stream.js'

/** Bytes of frame headers. */
const FRAMING = 1024

/** @param stream the WebSocket as the broker reads it */
export function boundBeforeConnect(
  socket: Duplex,
  webSocket: Pick<HostWebSocket, 'on' | 'pause' | 'resume'>,
  { client, stream, maxBytes }: { client: Client; stream: Duplex; maxBytes: number },
): void {
  let held = 0
  const end = () => {
    socket.off('data', count)
    client.off('connected', goOn)
  }
  const goOn = () => {
    end()
    webSocket.resume()
  }
  const count = (chunk: Buffer) => {
    held += chunk.length
    if (held <= maxBytes + FRAMING) return
    // CONNECT is being answered: what follows it can wait
    if (client.connecting) webSocket.pause()
    else stream.destroy(new Error(`a WebSocket message of more than ${maxBytes} bytes before CONNECT`))
  }
  webSocket.on('message', () => {
    held = 0
  })
  client.once('connected', goOn)
  client.once('close', end)
  socket.on('data', count)
}
