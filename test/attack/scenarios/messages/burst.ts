/** One chunk with thousands of small messages, each for many subscribers; also reports how many arrive. */
import { quiet } from '../../attacked.js'
import { subscribePacket } from '../../packets.js'
import { repeat, type Scenario, SMALL } from '../scenario.js'

export const burstTo200 = burst('34 KB of small messages to 200', 34_000, 200)

export const burstTo500 = burst('137 KB of small messages to 500', 137_000, 500)

function burst(name: string, bytes: number, subscribers: number): Scenario {
  return {
    name,
    bounds: { turnMs: 20 },
    besideMosquitto: { p99: 1.5, deliveredRatio: 1 },
    async prepare(broker, scale) {
      const receivers = await broker.clients(Math.ceil(subscribers * scale), 's', subscribePacket(['t'], 0))
      const publisher = await broker.client('p')
      const messages = repeat(SMALL, Math.floor(bytes / SMALL.length))
      const received = () => receivers.reduce((sum, { bytesRead }) => sum + bytesRead, 0)
      const before = received()
      return async () => {
        publisher.write(messages)
        await quiet(receivers)
        return { deliveredRatio: (received() - before) / (messages.length * receivers.length) }
      }
    },
  }
}
