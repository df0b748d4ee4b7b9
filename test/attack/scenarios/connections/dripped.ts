/** Clients send all of a packet except its last byte, and disconnect after a while: 400 MB in all. */
import { publishPacket } from '../../packets.js'
import { pause, type Scenario } from '../scenario.js'

const PACKET = publishPacket('t', Buffer.alloc(2 ** 20))
const BEGINNING = PACKET.subarray(0, -1)
const PIECE = 8 * 1024

export const dripped: Scenario = {
  name: '400 MB of packets that do not end, then gone',
  // 256 MiB of incomplete packets, and memory that is not collected yet
  bounds: { turnMs: 20, growthMb: 400, keptRatio: 1.1 },
  async prepare(broker, scale) {
    const drip = async (count: number) => {
      const sockets = await broker.clients(count, 'd')
      for (let from = 0; from < BEGINNING.length; from += PIECE) {
        for (const socket of sockets) socket.write(BEGINNING.subarray(from, from + PIECE))
        await pause(20)
      }
      await pause(500)
      for (const socket of sockets) socket.destroy()
      await broker.left()
    }
    // includes code that is compiled for the first time
    await drip(10)
    return () => drip(Math.ceil(400 * scale))
  },
}
