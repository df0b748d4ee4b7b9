/** Thousands of clients reconnect at once, while their earlier connections are still open. */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connectPacket, subscribePacket } from '../../packets.js'
import { inTime } from '../../waiting.js'
import { pause, type Scenario } from '../scenario.js'

/** Takeovers before the attack: in practice, the code of an attacked broker is compiled already. */
const BEFORE = 500

/** The broker waits a second for clients that were taken over to close their end; these do not. */
const CLOSED_MS = 1500

export const takeovers: Scenario = {
  name: '10,000 clients taken over at once',
  bounds: { turnMs: 20 },
  async prepare(broker, scale) {
    const count = Math.ceil(10_000 * scale)
    await broker.sinks(count, Buffer.concat([connectPacket('########'), subscribePacket(['t'], 0)]))
    for (const socket of await takeOver(await broker.silent(BEFORE * scale))) socket.destroy()
    await pause(CLOSED_MS)
    const sockets = await broker.silent(count)
    return async () => {
      await takeOver(sockets)
      await pause(CLOSED_MS)
    }
  },
}

/** Sends CONNECT in one write, with the identifiers of the connected clients. */
async function takeOver(sockets: readonly Socket[]): Promise<readonly Socket[]> {
  const connects = sockets.map((_, i) => connectPacket(String(i).padStart(8, '0')))
  const answered = sockets.map(socket => once(socket, 'data'))
  for (const [i, socket] of sockets.entries()) socket.write(connects[i]!)
  await inTime('CONNACK for everybody', Promise.all(answered))
  return sockets
}
