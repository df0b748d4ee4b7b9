/**
 * Filters with `+` in all combinations of levels: each message matches all of them, and the search follows all
 * branches.
 */
import { quiet } from '../../attacked.js'
import { publishPacket, subscribePacket } from '../../packets.js'
import { pause, type Scenario } from '../scenario.js'

const LEVELS = 15
const GROUP = 500
const MESSAGES = 50

export const matching: Scenario = {
  name: '32,768 filters of 15 levels against matching topics',
  options: { maxSubscriptions: 1_000_000_000 },
  bounds: { turnMs: 20 },
  async prepare(broker, scale) {
    const client = await broker.client('f')
    const count = 2 ** LEVELS * scale
    for (let from = 0; from < count; from += GROUP) {
      const topics = Array.from({ length: Math.min(GROUP, count - from) }, (_, i) => plusOrA(from + i))
      client.write(subscribePacket(topics, 0))
      await pause(10)
    }
    await quiet([client], 1000)
    const publisher = await broker.client('p')
    const payload = Buffer.from('x')
    const messages = Array.from({ length: MESSAGES }, (_, i) =>
      publishPacket(`${'a/'.repeat(LEVELS - 1)}${i % 2 ? 'a' : `a${i}`}`, payload),
    )
    return async () => {
      publisher.write(Buffer.concat(messages))
      await quiet([client], 1000)
    }
  },
}

/** A filter whose levels come from the bits of a number. */
function plusOrA(number: number): string {
  return Array.from({ length: LEVELS }, (_, bit) => ((number >> bit) & 1 ? '+' : 'a')).join('/')
}
