/** Thousands of clients that subscribe, and leave a session and a will, are gone all at once. */
import { connectPacket, subscribePacket } from '../packets.js'
import type { Scenario } from './scenario.js'

export const massDisconnect: Scenario = {
  name: '10,000 clients with subscriptions, sessions and wills gone at once',
  bounds: { turnMs: 20 },
  async prepare(broker, scale) {
    const will = { topic: 'gone', payload: Buffer.from('x'), qos: 1 as const, retain: false }
    const subscribe = subscribePacket(['a/+', 'b/#'], 1)
    const sockets = await broker.clientsThatSend(Math.ceil(10_000 * scale), i =>
      Buffer.concat([connectPacket(`d${i}`, { clean: false, will }), subscribe]),
    )
    return async () => {
      for (const socket of sockets) socket.destroy()
      await broker.left()
    }
  },
}
