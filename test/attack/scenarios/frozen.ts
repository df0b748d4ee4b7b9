/** Messages as large as an operator may allow, for subscribers that read nothing. */
import { publishPacket, subscribePacket } from '../packets.js'
import { pause, type Scenario } from './scenario.js'

const MESSAGES = 3

export const frozen: Scenario = {
  name: '3 messages of 200 MB to 1,000 frozen subscribers',
  options: { maxPacketSize: 268_435_460 },
  bounds: { turnMs: 50 },
  async prepare(broker, scale) {
    const receivers = await broker.clients(Math.ceil(1000 * scale), 's', subscribePacket(['t'], 0))
    for (const receiver of receivers) receiver.pause()
    const publisher = await broker.client('p')
    const message = publishPacket('t', Buffer.alloc(200_000_000 * scale, 'x'))
    return async () => {
      for (let i = 0; i < MESSAGES; i++) {
        if (!publisher.write(message)) await new Promise(done => publisher.once('drain', done))
      }
      await pause(2000)
    }
  },
}
