/** Thousands of clients connect, and are gone all at once. */
import { pause, type Scenario } from './scenario.js'

export const connects: Scenario = {
  name: '10,000 connects, dropped at once',
  bounds: { turnMs: 20 },
  async prepare(broker, scale) {
    return async () => {
      const sockets = await broker.clients(Math.ceil(10_000 * scale), 'c')
      for (const socket of sockets) socket.destroy()
      await pause(2000)
    }
  },
}
