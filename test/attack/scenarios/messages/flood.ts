/** One of a hundred clients publishes as fast as it can. */
import { quiet } from '../../attacked.js'
import { subscribePacket } from '../../packets.js'
import { pause, repeat, type Scenario, SMALL } from '../scenario.js'

export const flood: Scenario = {
  name: 'a flood of QoS 0 of one among 100',
  bounds: { turnMs: 20, p99OverIdle: 50 },
  besideMosquitto: { perSecond: 1 },
  async prepare(broker, scale) {
    const receivers = await broker.clients(100, 's', subscribePacket(['t'], 0))
    const publisher = await broker.client('p')
    const chunk = repeat(SMALL, 2000)
    return async () => {
      const begun = performance.now()
      const until = Date.now() + 4000 * scale
      while (Date.now() < until) {
        if (publisher.writableNeedDrain) await pause(1)
        else publisher.write(chunk)
      }
      const taken = (publisher.bytesWritten - publisher.writableLength) / SMALL.length
      const perSecond = taken / ((performance.now() - begun) / 1000)
      // a slow broker still has many of them to process
      await Promise.race([quiet(receivers, 500), pause(5000)])
      return { perSecond }
    }
  },
}
