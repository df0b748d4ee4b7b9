/**
 * Passes on a few new connections in each turn of the event loop. Node.js accepts thousands in one turn, and the HTTP
 * upgrade or TLS handshake that follows costs many times as much as a CONNECT. Owns the waiting connections; must not
 * know what is done with them.
 */

import type { Socket } from 'node:net'
import timers from 'node:timers'

// that of Node.js itself: fake timers of test runners replace the global one
const { setImmediate } = timers

/** Upgrades and handshakes begun in one turn; they take a few milliseconds. */
const PER_TURN = 16

type Pass = (socket: Socket) => void

export class ConnectionPace {
  #left = PER_TURN
  #waiting: { socket: Socket; pass: Pass }[] = []
  #isScheduled = false

  /** Passes a connection on, now or in a later turn, in the order of arrival; drops it if it has ended by then. */
  pass(socket: Socket, pass: Pass): void {
    this.#schedule()
    if (this.#left > 0 && this.#waiting.length === 0) {
      this.#left--
      pass(socket)
      return
    }
    // there are no other listeners yet
    socket.on('error', ignore)
    this.#waiting.push({ socket, pass })
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(this.#turn)
  }

  readonly #turn = (): void => {
    this.#isScheduled = false
    this.#left = PER_TURN
    if (this.#waiting.length === 0) return
    const now = this.#waiting.splice(0, PER_TURN)
    this.#left -= now.length
    this.#schedule()
    for (const { socket, pass } of now) {
      socket.off('error', ignore)
      if (!socket.destroyed) pass(socket)
    }
  }
}

function ignore(): void {}
