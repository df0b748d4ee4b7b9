/** Clients connect with ever new identifiers, leave a session and a delayed will of 10 KB, and never return. */
import { connect5Packet } from '../../packets.js'
import { pause, type Scenario } from '../scenario.js'

const GROUP = 100
const DAY = 86_400

export const identities: Scenario = {
  name: '20,000 identities that never return, with wills of 10 KB',
  // 64 MiB of wills, and 10,000 sessions
  options: { maxSessions: 10_000 },
  bounds: { turnMs: 20, growthMb: 220 },
  async prepare(broker, scale) {
    const will = { topic: 'w', payload: Buffer.alloc(10_000), qos: 0 as const, retain: false }
    const properties = { willDelayInterval: DAY }
    return async () => {
      for (let from = 0; from < 20_000 * scale; from += GROUP) {
        const group = Array.from({ length: GROUP }, async (_, i) => {
          const connect = { properties: { sessionExpiryInterval: DAY }, will: { ...will, properties } }
          const socket = await broker.answered(connect5Packet(`i${from + i}`, connect))
          socket.destroy()
        })
        await Promise.all(group)
      }
      await pause(1000)
    }
  },
}
