/**
 * Very many stored sessions that match one message, and one session with very many subscriptions that is resumed and
 * ended.
 */
import { once } from 'node:events'
import { connectPacket, publishPacket, subscribePacket } from '../../packets.js'
import { pause, type Scenario } from '../scenario.js'

/** Filters per packet: `maxFiltersPerPacket`. */
const GROUP = 2000

export const storedSessions: Scenario = {
  name: 'one message for 100,000 stored sessions',
  options: { maxConnections: 1_000_000_000, maxSessions: 1_000_000_000 },
  bounds: { turnMs: 20 },
  async prepare(broker, scale) {
    const packets = Buffer.concat([connectPacket('########', { clean: false }), subscribePacket(['t'], 1)])
    await broker.sinks(100_000 * scale, packets)
    await broker.sinksLeave()
    const publisher = await broker.client('p')
    return async () => {
      for (let messageId = 1; messageId <= 3; messageId++) {
        publisher.write(publishPacket('t', Buffer.from('0123456789'), 1, messageId))
        await once(publisher, 'data')
      }
    }
  },
}

export const largeSession: Scenario = {
  name: 'a session with 10,000 subscriptions comes back and ends',
  bounds: { turnMs: 20 },
  async prepare(broker, scale) {
    const kept = connectPacket('large', { clean: false })
    const subscribe = (): Buffer[] =>
      Array.from({ length: Math.ceil((10_000 * scale) / GROUP) }, (_, packet) => {
        const topics = Array.from({ length: GROUP }, (_, i) => `t/${packet * GROUP + i}`)
        return subscribePacket(topics, 1)
      })
    return async () => {
      for (let round = 0; round < 5; round++) {
        const client = await broker.raw(kept, ...subscribe())
        await pause(500)
        // takes over while the first connection is open; then another connection with Clean Start
        await broker.answered(kept)
        client.destroy()
        await broker.answered(connectPacket('large'))
      }
    }
  },
}
