/**
 * A host that was busy: its event loop was blocked while time passed. The packets that clients sent meanwhile are
 * unread in their sockets, so the clients were neither silent nor late.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { createBroker } from '../../../lib/index.js'
import type { Clock } from '../../../types/clock.js'
import { reach, TRANSPORTS } from '../../support/brokers/transports.js'
import { SpecClient } from '../../support/clients/spec-client.js'

/** A clock whose time passes within one turn of the event loop, as it does for a host that is busy. */
class BusyClock implements Clock {
  #now = 1_000_000
  readonly #timers = new Map<object, { at: number; callback: () => void }>()

  now(): number {
    return this.#now
  }

  setTimeout(callback: () => void, delayMs: number): object {
    const timer = {}
    this.#timers.set(timer, { at: this.#now + delayMs, callback })
    return timer
  }

  clearTimeout(timer: unknown): void {
    this.#timers.delete(timer as object)
  }

  /** Time passes at once; then the event loop runs due timers, as Node does, before it reads any socket. */
  busyFor(ms: number): void {
    this.#now += ms
    for (const [timer, { at, callback }] of [...this.#timers]) {
      if (at > this.#now) continue
      this.#timers.delete(timer)
      callback()
    }
  }
}

for (const transport of TRANSPORTS) {
  describe(`a busy event loop, over ${transport}`, () => {
    it('does not end the keep alive of a client that has sent PINGREQ', async () => {
      await using scene = await open()
      const client = new SpecClient(scene.broker, 4, await scene.dial())
      await client.connect({ keepalive: 10 })
      client.send({ cmd: 'pingreq' })
      scene.clock.busyFor(60_000)
      await client.expect('pingresp')
      await client.expectNothing()
    })

    it('does not extend the keep alive of a client that has sent nothing', async () => {
      await using scene = await open()
      const client = new SpecClient(scene.broker, 4, await scene.dial())
      await client.connect({ keepalive: 10 })
      const timeout = once(scene.broker, 'keepaliveTimeout')
      scene.clock.busyFor(60_000)
      await timeout
      await client.closed()
    })

    it('does not end the connect timeout of a client that has sent CONNECT', async () => {
      await using scene = await open()
      const client = new SpecClient(scene.broker, 5, await scene.dial())
      // the broker gets the stream before time passes
      await new Promise(resolve => setImmediate(resolve))
      const answered = client.connect()
      scene.clock.busyFor(60_000)
      assert.equal((await answered).reasonCode, 0)
      await client.expectNothing()
    })
  })

  async function open() {
    const clock = new BusyClock()
    const broker = await createBroker({ clock, closeTimeoutMs: 0 })
    const { dial, close } = await reach(broker, transport)
    return {
      clock,
      broker,
      dial,
      async [Symbol.asyncDispose]() {
        await broker.close()
        await close()
      },
    }
  }
}
