/** Messages of the maximum size for subscribers that do not read. */
import { once } from 'node:events'
import { connectPacket, publishPacket, subscribePacket } from '../../packets.js'
import { inTime } from '../../waiting.js'
import { pause, type Scenario } from '../scenario.js'

const MESSAGES = 3

/**
 * Linux buffers up to 4 MB for each connection, and a tenth of the memory for all of them (`net.ipv4.tcp_mem`). When
 * that is exhausted, no connection gets any data. So only some of the subscribers are connected over TCP.
 */
const OVER_TCP = 150
const IN_MEMORY = 850

/** Acknowledged when the message before it is delivered to all. */
const AFTERWARDS = publishPacket('afterwards', Buffer.from('x'), 1, 1)

export const frozen: Scenario = {
  name: '3 messages of 200 MB to 1,000 frozen subscribers',
  // all three have arrived before the first is delivered
  options: { maxPacketSize: 268_435_460, maxIncompleteBytes: 2 ** 30 },
  bounds: { turnMs: 50 },
  async prepare(broker, scale) {
    const subscribe = subscribePacket(['t'], 0)
    await broker.sinks(IN_MEMORY * scale, Buffer.concat([connectPacket('########'), subscribe]), 'frozen')
    const receivers = await broker.clients(Math.ceil(OVER_TCP * scale), 's', subscribe)
    for (const receiver of receivers) receiver.pause()
    const publishers = await broker.clients(MESSAGES, 'p')
    const message = publishPacket('t', Buffer.alloc(200_000_000 * scale, 'x'))
    return async () => {
      // only the last byte of each arrives while the first is being delivered
      for (const publisher of publishers) {
        if (!publisher.write(message.subarray(0, -1))) await inTime('drain of the message', once(publisher, 'drain'))
      }
      for (const publisher of publishers) {
        const acknowledged = once(publisher, 'data')
        publisher.write(Buffer.concat([message.subarray(-1), AFTERWARDS]))
        await inTime('acknowledgement behind the message', acknowledged)
      }
      await pause(1000)
    }
  },
}
