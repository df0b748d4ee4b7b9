/** Thousands of clients come back at once, while their connections are still open. */
import { once } from 'node:events'
import { connectPacket, subscribePacket } from '../packets.js'
import { inTime } from '../waiting.js'
import { pause, type Scenario } from './scenario.js'

export const takeovers: Scenario = {
  name: '10,000 clients taken over at once',
  bounds: { turnMs: 20 },
  async prepare(broker, scale) {
    const count = Math.ceil(10_000 * scale)
    await broker.sinks(count, Buffer.concat([connectPacket('########'), subscribePacket(['t'], 0)]))
    const sockets = await broker.silent(count)
    const connects = sockets.map((_, i) => connectPacket(String(i).padStart(8, '0')))
    return async () => {
      const answered = sockets.map(socket => once(socket, 'data'))
      for (const [i, socket] of sockets.entries()) socket.write(connects[i]!)
      await inTime('CONNACK for everybody', Promise.all(answered))
      // those who were taken over are dead: the broker waits for a second until they close their ends
      await pause(1500)
    }
  },
}
