/** One client subscribes to very many filters. */
import { quiet } from '../attacked.js'
import { subscribePacket } from '../packets.js'
import { pause, type Scenario } from './scenario.js'

const GROUP = 10_000

export const filters: Scenario = {
  name: '2,000,000 filters of one client',
  bounds: { turnMs: 20 },
  async prepare(broker, scale) {
    const client = await broker.client('f')
    return async () => {
      for (let from = 0; from < 2_000_000 * scale; from += GROUP) {
        const topics = Array.from({ length: GROUP }, (_, i) => `${from + i}`)
        if (!client.write(subscribePacket(topics, 0))) {
          await Promise.race([pause(5000), new Promise(done => client.once('drain', done))])
        }
        if (client.destroyed) break
      }
      await quiet([client], 1000)
    }
  },
}
