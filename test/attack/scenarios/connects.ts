/** Thousands of clients connect, and are gone all at once. */
import { pause, type Scenario } from './scenario.js'

export const connects: Scenario = {
  name: '10,000 connects, dropped at once',
  bounds: { turnMs: 20 },
  besideMosquitto: { perSecond: 0.9 },
  async prepare(broker, scale) {
    return async () => {
      const begun = performance.now()
      const sockets = await broker.clients(Math.ceil(10_000 * scale), 'c')
      const perSecond = sockets.length / ((performance.now() - begun) / 1000)
      for (const socket of sockets) socket.destroy()
      await pause(2000)
      return { perSecond }
    }
  },
}
