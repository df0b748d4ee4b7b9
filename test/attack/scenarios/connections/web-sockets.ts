/** WebSockets each send one message of 16 MB, before CONNECT. */
import { once } from 'node:events'
import { pause, type Scenario } from '../scenario.js'

const MESSAGE_BYTES = 16 * 2 ** 20
const PIECE = Buffer.alloc(64 * 1024)
const PIECES = MESSAGE_BYTES / PIECE.length

export const webSockets: Scenario = {
  name: '200 WebSocket messages of 16 MB before CONNECT',
  // maxConnectSize for each, and a chunk of the socket. Node.js reads 128 KiB of each of the 200 sockets in one turn,
  // before the broker can pause them
  bounds: { turnMs: 50, growthMb: 64 },
  async prepare(broker, scale) {
    return async () => {
      const sockets = await Promise.all(Array.from({ length: Math.ceil(200 * scale) }, () => broker.webSocket()))
      for (const socket of sockets) socket.write(headerOf(MESSAGE_BYTES))
      for (let piece = 0; piece < PIECES && sockets.some(({ destroyed }) => !destroyed); piece++) {
        const full = sockets.filter(socket => !socket.destroyed && !socket.write(PIECE))
        await Promise.race([pause(200), ...full.map(socket => once(socket, 'drain').catch(() => {}))])
      }
      await pause(500)
    }
  },
}

/** The header of a binary frame that is masked with zeros. */
function headerOf(bytes: number): Buffer {
  const header = Buffer.alloc(14)
  header[0] = 0x82
  header[1] = 0x80 | 127
  header.writeBigUInt64BE(BigInt(bytes), 2)
  return header
}
