/** Thousands of subscribers with QoS 1 that never acknowledge. */
import { quiet } from '../../attacked.js'
import { publishPacket, subscribePacket } from '../../packets.js'
import { pause, type Scenario } from '../scenario.js'

export const noAcknowledgements: Scenario = {
  name: '5,000 clients that never acknowledge',
  bounds: { turnMs: 20 },
  async prepare(broker, scale) {
    const receivers = await broker.clients(5000 * scale, 's', subscribePacket(['t'], 1))
    const publisher = await broker.client('p')
    return async () => {
      for (let i = 1; i <= 200; i++) publisher.write(publishPacket('t', Buffer.alloc(100), 1, i))
      await Promise.race([quiet(receivers, 1000), pause(20_000)])
    }
  },
}
