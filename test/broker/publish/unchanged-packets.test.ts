/** Messages are forwarded in the packet in which they arrived; changes made by hooks must not be lost. */
import assert from 'node:assert/strict'
import type { PublishPacket } from '../../../types/message/packets.js'
import type { SpecClient } from '../../support/clients/spec-client.js'
import { spec } from '../../support/spec.js'

const changes: [string, (packet: PublishPacket) => void, { topic: string; text: string; qos: number }][] = [
  [
    'the topic',
    packet => {
      packet.topic = 'a/changed'
    },
    { topic: 'a/changed', text: 'payload', qos: 1 },
  ],
  [
    'the payload',
    packet => {
      packet.payload = Buffer.from('changed')
    },
    { topic: 'a/b', text: 'changed', qos: 1 },
  ],
  [
    'bytes of the payload',
    packet => {
      ;(packet.payload as Buffer)[0] = 0x50
    },
    { topic: 'a/b', text: 'Payload', qos: 1 },
  ],
  [
    'the QoS',
    packet => {
      packet.qos = 0
    },
    { topic: 'a/b', text: 'payload', qos: 0 },
  ],
]

for (const [what, change, { topic, text, qos }] of changes) {
  spec(`a change of ${what} by a hook takes effect`, [3, 4, 5], async ({ broker, connect }) => {
    broker.authorizePublish = (_client, packet) => {
      change(packet)
      return true
    }
    const subscriber = await connect('subscriber')
    await subscriber.subscribe({ topic: 'a/#', qos: 1 })
    const publisher = await connect('publisher')
    for (const published of [0, 1] as const) {
      await publisher.publish({ topic: 'a/b', payload: 'payload', qos: published })
      const received = await subscriber.expect('publish')
      const expected = [topic, text, Math.min(qos, published)]
      assert.deepEqual([received.topic, String(received.payload), received.qos], expected)
      if (received.qos === 1) subscriber.send({ cmd: 'puback', messageId: received.messageId! })
    }
  })
}

spec('each receiver of a message gets its own packet identifier', [3, 4, 5], async ({ connect }) => {
  const [one, other] = [await connect('one'), await connect('other')]
  await one.subscribe({ topic: 'a', qos: 1 })
  const publisher = await connect('publisher')
  await publisher.publish({ topic: 'a', payload: 'first', qos: 1 })
  await one.expect('publish')
  await other.subscribe({ topic: 'a', qos: 1 })
  await publisher.publish({ topic: 'a', payload: 'second', qos: 1 })
  const ids = [await one.expect('publish'), await other.expect('publish')].map(({ messageId }) => messageId)
  assert.deepEqual(ids, [2, 1])
})

spec('a QoS 0 message reaches clients of every version', [3, 4, 5], async ({ version, connect }) => {
  const publisher = await connect('publisher')
  const subscribers: SpecClient[] = []
  for (const other of [3, 4, 5] as const) {
    const subscriber = await connect(`subscriber-${other}`, {}, other)
    await subscriber.subscribe({ topic: 'a', qos: 0 })
    subscribers.push(subscriber)
  }
  await publisher.publish({ topic: 'a', payload: 'x', properties: version === 5 ? { contentType: 't' } : undefined })
  await publisher.publish({ topic: 'a', payload: 'y' })
  for (const subscriber of subscribers) {
    const first = await subscriber.expect('publish')
    const second = await subscriber.expect('publish')
    assert.deepEqual([String(first.payload), String(second.payload)], ['x', 'y'])
    const contentType = version === 5 && subscriber.version === 5 ? 't' : undefined
    assert.deepEqual([first.properties?.contentType, second.properties], [contentType, undefined])
  }
})

spec('a retained QoS 0 message reaches live subscribers without RETAIN', [3, 4, 5], async ({ connect }) => {
  const subscriber = await connect('subscriber')
  await subscriber.subscribe({ topic: 'a', qos: 0 })
  const publisher = await connect('publisher')
  await publisher.publish({ topic: 'a', payload: 'x', retain: true })
  assert.equal((await subscriber.expect('publish')).retain, false)
})
