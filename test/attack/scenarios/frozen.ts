/** Messages as large as an operator may allow, for subscribers that read nothing. */
import { once } from 'node:events'
import { publishPacket, subscribePacket } from '../packets.js'
import { pause, type Scenario } from './scenario.js'

const MESSAGES = 3

/** Acknowledged when the message before it is with everybody. */
const AFTERWARDS = publishPacket('afterwards', Buffer.from('x'), 1, 1)

export const frozen: Scenario = {
  name: '3 messages of 200 MB to 1,000 frozen subscribers',
  // all three are there before the first is passed on
  options: { maxPacketSize: 268_435_460, maxIncompleteBytes: 2 ** 30 },
  bounds: { turnMs: 50 },
  async prepare(broker, scale) {
    const receivers = await broker.clients(Math.ceil(1000 * scale), 's', subscribePacket(['t'], 0))
    for (const receiver of receivers) receiver.pause()
    const publishers = await broker.clients(MESSAGES, 'p')
    const message = publishPacket('t', Buffer.alloc(200_000_000 * scale, 'x'))
    return async () => {
      // behind the first message, the system has no memory left to carry 200 MB: only the last byte of each comes then
      for (const publisher of publishers) {
        if (!publisher.write(message.subarray(0, -1))) await once(publisher, 'drain')
      }
      for (const publisher of publishers) {
        publisher.write(Buffer.concat([message.subarray(-1), AFTERWARDS]))
        await once(publisher, 'data')
      }
      await pause(1000)
    }
  },
}
