/** QoS 0 messages go out in the packet that they came in, and hooks that change them must not be cheated of it. */
import assert from 'node:assert/strict'
import type { PublishPacket } from '../../../types/packets.js'
import { spec } from '../../support/spec.js'
import type { SpecClient } from '../../support/spec-client.js'

const changes: [string, (packet: PublishPacket) => void, { topic: string; text: string }][] = [
  [
    'the topic',
    packet => {
      packet.topic = 'a/changed'
    },
    { topic: 'a/changed', text: 'payload' },
  ],
  [
    'the payload',
    packet => {
      packet.payload = Buffer.from('changed')
    },
    { topic: 'a/b', text: 'changed' },
  ],
  [
    'bytes of the payload',
    packet => {
      ;(packet.payload as Buffer)[0] = 0x50
    },
    { topic: 'a/b', text: 'Payload' },
  ],
]

for (const [what, change, { topic, text }] of changes) {
  spec(`a hook that changes ${what} of a QoS 0 message is obeyed`, [3, 4, 5], async ({ broker, connect }) => {
    broker.authorizePublish = (_client, packet) => {
      change(packet)
      return true
    }
    const subscriber = await connect('subscriber')
    await subscriber.subscribe({ topic: 'a/#', qos: 0 })
    const publisher = await connect('publisher')
    await publisher.publish({ topic: 'a/b', payload: 'payload' })
    const received = await subscriber.expect('publish')
    assert.deepEqual([received.topic, String(received.payload)], [topic, text])
  })
}

spec('a QoS 0 message crosses from version to version', [3, 4, 5], async ({ version, connect }) => {
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

spec('a QoS 0 message that is retained reaches live subscribers without the flag', [3, 4, 5], async ({ connect }) => {
  const subscriber = await connect('subscriber')
  await subscriber.subscribe({ topic: 'a', qos: 0 })
  const publisher = await connect('publisher')
  await publisher.publish({ topic: 'a', payload: 'x', retain: true })
  assert.equal((await subscriber.expect('publish')).retain, false)
})
