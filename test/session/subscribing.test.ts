/** A packet with very many filters does not delay other clients. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { duplexPair } from '../../lib/client/duplex-pair.js'
import { encode } from '../../lib/codec/encode/encoder.js'
import { createBroker } from '../../lib/index.js'
import { connectPacket } from '../support/clients/spec-client.js'

const FILTERS = 1500

it('a SUBSCRIBE with very many filters takes several turns of the event loop, and SUBACK comes after the last', async () => {
  await using broker = await createBroker()
  const [client, stream] = duplexPair()
  broker.handle(stream)
  client.write(encode(connectPacket(4), 4))
  await once(client, 'data')
  const subscriptions = Array.from({ length: FILTERS }, (_, i) => ({ topic: `t/${i}`, qos: 1 as const }))
  client.write(encode({ cmd: 'subscribe', messageId: 1, subscriptions }, 4))
  let answered = false
  client.once('data', (suback: Buffer) => {
    assert.equal(suback[0], 0x90)
    answered = true
  })
  const perTurn: number[] = []
  for (let before = 0; !answered; ) {
    await turn()
    const { connected } = broker.stats().subscriptions
    perTurn.push(connected - before)
    before = connected
  }
  assert.equal(broker.stats().subscriptions.connected, FILTERS)
  assert(Math.max(...perTurn) < FILTERS / 2, `${perTurn}`)
})
