/** Thousands of clients connect, and disconnect all at once. */
import { pause, type Scenario } from '../scenario.js'

/** Connections before the attack: in practice, the code of an attacked broker is compiled already. */
const BEFORE = 3000

export const connects: Scenario = {
  name: '10,000 connects, dropped at once',
  bounds: { turnMs: 20 },
  besideMosquitto: { perSecond: 0.9 },
  async prepare(broker, scale) {
    const before = await broker.clients(BEFORE * scale, 'b')
    for (const socket of before) socket.destroy()
    await pause(1000)
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
