/** Thousands of clients that subscribe, and leave a session and a will, disconnect all at once. */
import { connectPacket, subscribePacket } from '../../packets.js'
import type { Scenario } from '../scenario.js'

/** Clients before the attack: in practice, the code of an attacked broker is compiled already. */
const BEFORE = 1000

export const massDisconnect: Scenario = {
  name: '10,000 clients with subscriptions, sessions and wills gone at once',
  bounds: { turnMs: 20 },
  async prepare(broker, scale) {
    const will = { topic: 'gone', payload: Buffer.from('x'), qos: 1 as const, retain: false }
    const subscribe = subscribePacket(['a/+', 'b/#'], 1)
    const packets = (i: number) => Buffer.concat([connectPacket(`d${i}`, { clean: false, will }), subscribe])
    for (const socket of await broker.clientsThatSend(BEFORE * scale, packets)) socket.destroy()
    await broker.left()
    const sockets = await broker.clientsThatSend(Math.ceil(10_000 * scale), packets)
    return async () => {
      for (const socket of sockets) socket.destroy()
      await broker.left()
    }
  },
}
