/**
 * When outboxes write: in order, and only a few per turn for paused work, so that each writes several messages at once.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { duplexPair } from '../../../lib/client/duplex-pair.js'
import { encode } from '../../../lib/codec/encode/encoder.js'
import { Flusher } from '../../../lib/connection/stream/flusher.js'
import { createBroker } from '../../../lib/index.js'
import { Cost, Fairness, TurnShare } from '../../../lib/util/scheduling/fairness.js'
import { connectPacket, publishPacket } from '../../support/clients/spec-client.js'

/** An eighth of such a turn is enough for one write, a half for four. */
const TURN_UNITS = 64

/** The maximum number that may wait for a later turn. */
const MAX_WAITING = 1024

const turn = () => new Promise<void>(resolve => setImmediate(resolve))

/** A flusher, and the outboxes that it has flushed, turn by turn. */
function fixture(mayWrite?: () => boolean) {
  const fairness = new Fairness({ turnUnits: TURN_UNITS })
  const flusher = new Flusher(fairness, mayWrite)
  const flushed: number[] = []
  return {
    fairness,
    flushed,
    add: (count: number) => {
      for (let i = 0; i < count; i++) flusher.add({ flush: () => flushed.push(i) })
    },
    /**
     * Work that uses up its share turn after turn, until it is stopped.
     * @param added called once; adds outboxes
     */
    keepBusy: (added: () => void = () => {}) => {
      let times = 0
      let isStopped = false
      const share = new TurnShare({
        resume: () => {
          if (isStopped || !fairness.begin(share)) return
          fairness.spend(1)
          // the first time it is not known yet that it wants more
          if (++times === 2) added()
          fairness.end(share)
          fairness.wait(share)
        },
      })
      fairness.wait(share)
      return () => {
        isStopped = true
      }
    },
  }
}

describe('a flusher', () => {
  it('writes for half a turn if nothing else waits, and the remaining outboxes later, in order', async () => {
    const { add, flushed } = fixture()
    add(10)
    const after: number[] = []
    for (let i = 0; i < 3; i++) {
      await turn()
      after.push(flushed.length)
    }
    assert.deepEqual(after, [4, 8, 10])
    assert.deepEqual(flushed, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  it('writes little for paused work while it waits', async () => {
    const { add, keepBusy, flushed } = fixture()
    const stop = keepBusy(() => add(3))
    await turn()
    const after: number[] = []
    for (let i = 0; i < 3; i++) {
      await turn()
      after.push(flushed.length)
    }
    stop()
    assert.deepEqual(after, [1, 2, 3])
  })

  it('writes first for clients within their share, however much paused work has added', async () => {
    const { add, keepBusy, flushed } = fixture()
    const stop = keepBusy(() => add(100))
    await turn()
    add(1)
    await turn()
    stop()
    assert.deepEqual(flushed, [0, 0])
  })

  it('limits the number of waiting outboxes: further ones are charged when they are added, and written', async () => {
    const { add, fairness, flushed } = fixture()
    add(MAX_WAITING)
    assert.equal(fairness.isSpent, false)
    add(TURN_UNITS / Cost.write)
    assert.equal(fairness.isSpent, true)
    await turn()
    assert.equal(flushed.length, TURN_UNITS / Cost.write + 4)
  })

  it('writes nothing while writing is not allowed', async context => {
    context.mock.timers.enable({ apis: ['setTimeout'] })
    let mayWrite = false
    const { add, flushed } = fixture(() => mayWrite)
    add(1)
    await turn()
    mayWrite = true
    await turn()
    assert.deepEqual(flushed, [])
    context.mock.timers.tick(50)
    await turn()
    assert.deepEqual(flushed, [0])
  })
})

it('many messages to many clients take far fewer writes than deliveries', async () => {
  const [clients, messages] = [500, 40]
  await using broker = await createBroker()
  let writes = 0
  let received = 0
  const all = new Promise<void>(resolve => {
    for (let i = 0; i < clients; i++) {
      const [client, stream] = duplexPair()
      const write = stream.write.bind(stream) as (chunk: Buffer) => boolean
      stream.write = ((chunk: Buffer) => {
        writes++
        return write(chunk)
      }) as typeof stream.write
      broker.handle(stream)
      client.on('data', (chunk: Buffer) => {
        received += chunk.toString('latin1').split('message').length - 1
        if (received === clients * messages) resolve()
      })
      client.write(encode(connectPacket(4, { clientId: `c${i}` }), 4))
      client.write(encode({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 't', qos: 0 }] }, 4))
    }
  })
  while (broker.stats().subscriptions.connected < clients) await turn()
  writes = 0
  const [publisher, stream] = duplexPair()
  broker.handle(stream)
  publisher.write(encode(connectPacket(4, { clientId: 'publisher' }), 4))
  await once(broker, 'clientReady')
  const packet = encode(publishPacket({ topic: 't', payload: Buffer.from('message'), qos: 0 }), 4)
  publisher.write(Buffer.concat(Array.from({ length: messages }, () => packet)))
  await all
  assert.ok(writes * 4 < clients * messages, `${writes} writes for ${clients * messages} messages`)
  publisher.destroy()
})
