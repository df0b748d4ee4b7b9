/** One message, and very many subscribers. */
import { quiet } from '../attacked.js'
import { connectPacket, publishPacket, subscribePacket } from '../packets.js'
import { type Scenario, SMALL } from './scenario.js'

export const fanOut: Scenario = {
  name: 'one message to 100,000',
  options: { maxConnections: 1_000_000_000 },
  bounds: { turnMs: 20 },
  async prepare(broker, scale) {
    const packets = Buffer.concat([connectPacket('########'), subscribePacket(['t'], 0)])
    await broker.sinks(100_000 * scale, packets)
    const publisher = await broker.client('p', subscribePacket(['done'], 0))
    return async () => {
      publisher.write(Buffer.concat([SMALL, publishPacket('done', Buffer.from('x'), 0)]))
      await quiet([publisher], 1000)
    }
  },
}
