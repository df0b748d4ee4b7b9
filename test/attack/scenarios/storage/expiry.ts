/** Very many sessions whose clients disconnect together, and which expire together. */
import { connect5Packet, subscribePacket } from '../../packets.js'
import type { Scenario } from '../scenario.js'

const EXPIRY_SECONDS = 5

export const expiry: Scenario = {
  name: '50,000 sessions expire at once',
  bounds: { turnMs: 20 },
  async prepare(broker, scale) {
    const properties = { sessionExpiryInterval: EXPIRY_SECONDS }
    const connect = connect5Packet('########', { clean: false, properties })
    await broker.sinks(50_000 * scale, Buffer.concat([connect, subscribePacket(['t'], 1, 5)]))
    await broker.sinksLeave()
    return () => broker.until('end of all sessions', ({ sessions }) => sessions === 0)
  },
}
