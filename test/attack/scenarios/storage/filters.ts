/** One client subscribes to very many filters, with a limit on their bytes only. */
import { Decoder } from '../../../../lib/codec/decode/decoder.js'
import { subscribePacket } from '../../packets.js'
import { pause, type Scenario } from '../scenario.js'

/** Filters per packet: `maxFiltersPerPacket`. */
const GROUP = 2000

/** `maxSubscriptionBytes` divided by the fixed size of a subscription. */
const MOST_GRANTED = (4 * 2 ** 20) / 256

export const filters: Scenario = {
  name: '2,000,000 filters of one client',
  options: { maxSubscriptions: 1_000_000_000 },
  bounds: { turnMs: 20, growthMb: 64, granted: MOST_GRANTED },
  async prepare(broker, scale) {
    const client = await broker.client('f')
    return async () => {
      const decoder = new Decoder({ side: 'client', protocolVersion: 4 })
      let granted = 0
      let unanswered = 0
      client.on('data', (chunk: Buffer) => {
        decoder.push(chunk)
        for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) {
          if (packet.cmd !== 'suback') continue
          unanswered--
          granted += packet.granted.filter(code => code < 0x80).length
        }
      })
      for (let from = 0; from < 2_000_000 * scale && !client.destroyed; from += GROUP) {
        unanswered++
        const topics = Array.from({ length: GROUP }, (_, i) => `${from + i}`)
        if (!client.write(subscribePacket(topics, 0))) {
          await Promise.race([pause(5000), new Promise(done => client.once('drain', done))])
        }
      }
      while (unanswered > 0 && !client.destroyed) await pause(50)
      return { granted }
    }
  },
}
