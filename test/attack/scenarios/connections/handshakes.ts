/** Connections that begin a TLS handshake or an HTTP request, and never finish it. */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { Ports } from '../../targets/target.js'
import { inTime } from '../../waiting.js'
import type { Scenario } from '../scenario.js'

/** Per listener. */
const COUNT = 200

/** The limit of 10 seconds, and the interval at which Node.js checks it. */
const ENDED_MS = 11_500

/** Interval at which a slow client sends a header. */
const INTERVAL_MS = 1000

export const tlsHandshakes: Scenario = {
  name: `${COUNT} TLS handshakes that stall, at each listener`,
  hasTls: true,
  bounds: { turnMs: 20, endedMs: ENDED_MS, uncounted: 0 },
  async prepare(broker, scale) {
    return async () => {
      const listeners = ['tls', 'wss', 'nodeTls'] as const satisfies (keyof Ports)[]
      const groups = await Promise.all(listeners.map(listener => broker.silent(COUNT * scale, listener)))
      const endedMs = await ended(groups.flat())
      const { handshakes } = await broker.numbers()
      // handshakes at a server of the application are reported to the application
      return { endedMs, uncounted: groups[0]!.length + groups[1]!.length - handshakes }
    }
  },
}

export const httpHeaders: Scenario = {
  name: `${COUNT} upgrades whose HTTP headers come slowly`,
  bounds: { turnMs: 20, endedMs: ENDED_MS, uncounted: 0 },
  async prepare(broker, scale) {
    return async () => {
      const sockets = await broker.silent(COUNT * scale, 'ws')
      for (const socket of sockets) socket.write('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n')
      const timer = setInterval(() => {
        for (const socket of sockets) if (socket.writable) socket.write('X-Slow: x\r\n')
      }, INTERVAL_MS)
      const endedMs = await ended(sockets).finally(() => clearInterval(timer))
      return { endedMs, uncounted: sockets.length - (await broker.numbers()).handshakes }
    }
  },
}

/** @returns milliseconds until the broker has closed all of them */
async function ended(sockets: readonly Socket[]): Promise<number> {
  const begun = performance.now()
  for (const socket of sockets) socket.resume()
  await inTime('end of the handshakes', Promise.all(sockets.map(socket => socket.closed || once(socket, 'close'))))
  return performance.now() - begun
}
