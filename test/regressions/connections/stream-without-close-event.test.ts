/** Streams that emit no 'close': the broker removes its listeners nevertheless, and can close. */
import assert from 'node:assert/strict'
import { Duplex, type DuplexOptions } from 'node:stream'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { encode } from '../../../lib/codec/encode/encoder.js'
import { createBroker } from '../../../lib/index.js'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import { connectPacket } from '../../support/clients/spec-client.js'

const EVENTS = ['data', 'drain', 'error', 'end', 'close'] as const

const listeners = (stream: Duplex) => EVENTS.map(event => stream.listenerCount(event))

type Destroy = NonNullable<DuplexOptions['destroy']>

const DESTROYS: Record<string, Destroy> = {
  'at once': (error, done) => done(error),
  'after a while': (error, done) => setImmediate(() => setImmediate(() => done(error))),
  'with an error, after a while': (_error, done) => setImmediate(() => setImmediate(() => done(new Error('late')))),
}

const ENDS: Record<string, (stream: Duplex, close: () => Promise<void>) => unknown> = {
  'its other end': stream => stream.push(null),
  'a DISCONNECT': stream => stream.push(encode({ cmd: 'disconnect' }, 4)),
  'a protocol error': stream => stream.push(Buffer.from('ff', 'hex')),
  'an error of the stream': stream => stream.destroy(new Error('broken')),
  'the close of the broker': (_stream, close) => close(),
}

for (const [how, destroy] of Object.entries(DESTROYS)) {
  for (const [what, end] of Object.entries(ENDS)) {
    test(`a stream without a 'close' event, destroyed ${how}: no listeners remain on it after ${what}`, async () => {
      const clock = new FakeClock()
      const broker = await createBroker({ clock })
      const stream = new Duplex({
        emitClose: false,
        read() {},
        write: (_chunk, _encoding, done) => done(),
        destroy,
      })
      const before = listeners(stream)
      const client = broker.handle(stream)
      stream.push(encode(connectPacket(4), 4))
      while (!client.connected) await nextTurn()
      let closing: Promise<void> | undefined
      const close = () => {
        closing ??= broker.close()
        return closing
      }
      end(stream, close)
      while (!client.closed) await nextTurn()
      for (let turn = 0; turn < 10; turn++) await nextTurn()
      await clock.advance(1000)
      await nextTurn()
      assert.deepEqual(listeners(stream), before)
      // without a time limit: the clock stands still
      await close()
      assert.equal(clock.pendingTimers, 0)
    })
  }
}
