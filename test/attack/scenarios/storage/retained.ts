/** Many clients request all of very many retained messages. */
import { once } from 'node:events'
import { quiet } from '../../attacked.js'
import { publishPacket, subscribePacket } from '../../packets.js'
import { pause, type Scenario } from '../scenario.js'

const GROUP = 1000

export const retained: Scenario = {
  name: '1,000 subscribe # with 100,000 retained',
  options: { maxRetainedMessages: 1_000_000_000 },
  bounds: { turnMs: 20, growthMb: 64 },
  async prepare(broker, scale) {
    const publisher = await broker.client('p')
    const payload = Buffer.from('x')
    for (let from = 0; from < 100_000 * scale; from += GROUP) {
      const group = Array.from({ length: GROUP }, (_, i) => publishPacket(`r/${from + i}`, payload, 0, undefined, true))
      if (!publisher.write(Buffer.concat(group))) await new Promise(done => publisher.once('drain', done))
    }
    // the last one is acknowledged when all are stored
    publisher.write(publishPacket('r/last', payload, 1, 1, true))
    await once(publisher, 'data')
    return async () => {
      const receivers = await broker.clients(Math.ceil(1000 * Math.sqrt(scale)), 's', subscribePacket(['#'], 0))
      await Promise.race([quiet(receivers, 2000), pause(20_000)])
    }
  },
}
