/**
 * A client with a rate limit sends as fast as it can: it is slowed down to its rate, and then disconnected with 0x96.
 */
import { once } from 'node:events'
import { connect5Packet, publish5Packet, subscribePacket } from '../../packets.js'
import { inTime } from '../../waiting.js'
import { pause, repeat, type Scenario, SMALL } from '../scenario.js'

const MESSAGES_PER_SECOND = 1000
const PATIENCE_SECONDS = 5

const DISCONNECT = 0xe0
const MESSAGE_RATE_TOO_HIGH = 0x96

export const rate: Scenario = {
  name: 'a flood of one who may send 1,000 messages a second',
  options: { rates: { client: { messagesPerSecond: MESSAGES_PER_SECOND }, patienceSeconds: PATIENCE_SECONDS } },
  // at the beginning, the messages of one second may arrive at once
  bounds: { turnMs: 20, endedMs: (PATIENCE_SECONDS + 2) * 1000, takenPerSecond: MESSAGES_PER_SECOND * 1.5 },
  async prepare(broker) {
    const receiver = await broker.client('s', subscribePacket(['t'], 0))
    const publisher = await broker.raw(connect5Packet('p'))
    await inTime('CONNACK', once(publisher, 'data'))
    const chunk = repeat(publish5Packet('t', Buffer.from('0123456789')), 2000)
    return async () => {
      const begun = performance.now()
      const before = receiver.bytesRead
      const told = once(publisher, 'data') as Promise<[Buffer]>
      while (!publisher.destroyed && !publisher.readableEnded) {
        if (publisher.writableNeedDrain) await pause(1)
        else publisher.write(chunk)
      }
      const endedMs = performance.now() - begun
      const [packet] = await inTime('DISCONNECT', told)
      if (packet[0] !== DISCONNECT || packet[2] !== MESSAGE_RATE_TOO_HIGH) {
        throw new Error(`no DISCONNECT 0x96, but ${packet.toString('hex')}`)
      }
      await pause(500)
      const taken = (receiver.bytesRead - before) / SMALL.length
      return { endedMs, takenPerSecond: taken / (endedMs / 1000) }
    }
  },
}
