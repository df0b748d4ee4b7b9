/** One message, and very many subscribers. */
import { once } from 'node:events'
import { quiet } from '../../attacked.js'
import { connectPacket, publishPacket, subscribePacket } from '../../packets.js'
import { inTime } from '../../waiting.js'
import { type Scenario, SMALL } from '../scenario.js'

export const fanOut: Scenario = {
  name: 'one message to 100,000',
  options: { maxConnections: 1_000_000_000 },
  bounds: { turnMs: 20 },
  async prepare(broker, scale) {
    const packets = Buffer.concat([connectPacket('########'), subscribePacket(['t'], 0)])
    await broker.sinks(100_000 * scale, packets)
    const publisher = await broker.client('p', subscribePacket(['done'], 0))
    await quiet([publisher])
    return async () => {
      const done = once(publisher, 'data')
      publisher.write(Buffer.concat([SMALL, publishPacket('done', Buffer.from('x'), 0)]))
      await inTime('message behind it', done)
    }
  },
}
