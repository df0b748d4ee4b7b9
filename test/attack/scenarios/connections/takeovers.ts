/** Thousands of clients come back at once, while their connections are still open. */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connectPacket, subscribePacket } from '../../packets.js'
import { inTime } from '../../waiting.js'
import { pause, type Scenario } from '../scenario.js'

/** Those who were taken over before: a broker that is attacked has been running, and its code is compiled. */
const BEFORE = 500

/** The broker waits for a second until those who are taken over close their ends: these are dead. */
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

/** Sends all of CONNECT at once, with the identifiers of the clients that are connected. */
async function takeOver(sockets: readonly Socket[]): Promise<readonly Socket[]> {
  const connects = sockets.map((_, i) => connectPacket(String(i).padStart(8, '0')))
  const answered = sockets.map(socket => once(socket, 'data'))
  for (const [i, socket] of sockets.entries()) socket.write(connects[i]!)
  await inTime('CONNACK for everybody', Promise.all(answered))
  return sockets
}
