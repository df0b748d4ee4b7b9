/**
 * A member of a group that is disconnecting, but delayed by a slow hook or store: its messages go to the other members.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createMemoryPersistence } from '../../../lib/index.js'
import { heldStore } from '../../support/brokers/stores.js'
import { publishText, receiveTexts, textPacket } from '../../support/clients/exchange.js'
import { keptSession, spec } from '../../support/spec.js'

const ALL = [3, 4, 5] as const
const SHARED = { topic: '$share/g/a', qos: 1 } as const

for (const qos of [0, 1] as const) {
  spec(`QoS ${qos}, while a hook delays the member’s last packet`, ALL, async ({ broker, connect }) => {
    let answer = (_: boolean) => {}
    const leaving = await connect('leaving')
    await leaving.subscribe(SHARED)
    broker.authorizePublish = client =>
      client?.id === 'leaving' ? new Promise<boolean>(resolve => (answer = resolve)) : true
    leaving.send(textPacket('own', '', { qos: 1, messageId: 1 }))
    await leaving.expectNothing()
    const ending = new Promise(resolve => broker.clients.leaving!.conn.once('end', resolve))
    leaving.stream.destroy()
    await ending
    const staying = await connect('staying')
    await staying.subscribe(SHARED)
    const publisher = await connect('publisher')
    for (const text of ['one', 'two', 'three']) await publishText(publisher, 'a', text, { qos })
    const gone = once(broker, 'clientDisconnect')
    answer(true)
    await gone
    assert.deepEqual((await receiveTexts(staying)).toSorted(), ['one', 'three', 'two'])
  })
}

const held = heldStore(createMemoryPersistence())
spec(
  'QoS 0, while the store does not answer a request about the member',
  [4],
  async ({ broker, connect }) => {
    const leaving = await connect('leaving', keptSession(4))
    await leaving.subscribe(SHARED)
    held.hold('markSent')
    const publisher = await connect('publisher')
    await publishText(publisher, 'a', 'sent', { qos: 1 })
    await leaving.expect('publish')
    const staying = await connect('staying')
    await staying.subscribe(SHARED)
    const ending = new Promise(resolve => broker.clients.leaving!.conn.once('end', resolve))
    leaving.stream.destroy()
    await ending
    for (const text of ['one', 'two']) await publishText(publisher, 'a', text)
    assert.deepEqual(await receiveTexts(staying), ['one', 'two'])
    const gone = once(broker, 'clientDisconnect')
    held.letGo()
    await gone
  },
  { persistence: held.store },
)
