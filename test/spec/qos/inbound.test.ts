/** QoS 1 and 2 from a client (4.3): the answer to each packet, and when a packet id stands for a new message. */
import assert from 'node:assert/strict'
import { receive, textPacket, texts } from '../../support/clients/traffic.js'
import { keptSession, spec } from '../../support/spec.js'

const ALL = [3, 4, 5] as const

spec(
  '[3.1.1 MQTT-3.3.4-1] [5.0 MQTT-3.3.4-1] [3.1.1 MQTT-2.3.1-6] [5.0 MQTT-2.2.1-5] [5.0 MQTT-4.3.2-4] [5.0 MQTT-4.3.3-8]' +
    ' PUBACK answers QoS 1, PUBREC QoS 2, with the packet id of the PUBLISH',
  ALL,
  async ({ connect }) => {
    const subscriber = await connect('subscriber')
    await subscriber.subscribe({ topic: 'a', qos: 2 })
    const publisher = await connect('publisher')
    for (const messageId of [1, 258, 65_535]) {
      publisher.send(textPacket('a', 'one', { qos: 1, messageId }))
      assert.equal((await publisher.expect('puback')).messageId, messageId)
      publisher.send(textPacket('a', 'two', { qos: 2, messageId }))
      assert.equal((await publisher.expect('pubrec')).messageId, messageId)
      publisher.send({ cmd: 'pubrel', messageId })
      assert.equal((await publisher.expect('pubcomp')).messageId, messageId)
    }
    await publisher.expectNothing()
    assert.deepEqual(texts(await receive(subscriber, 6)), ['one', 'two', 'one', 'two', 'one', 'two'])
  },
)

spec('successful acknowledgements consist of a packet id only', ALL, async ({ connect }) => {
  const subscriber = await connect('subscriber')
  await subscriber.subscribe({ topic: 'a', qos: 0 })
  const publisher = await connect('publisher')
  const bytes: string[] = []
  publisher.stream.on('data', (chunk: Buffer) => bytes.push(chunk.toString('hex')))
  await publisher.publish({ topic: 'a', qos: 1, messageId: 0x0102 })
  await publisher.publish({ topic: 'a', qos: 2, messageId: 0x0304 })
  assert.equal(bytes.join(''), '4002010250020304' + '70020304')
})

spec(
  '[3.1.1 MQTT-4.3.2-2] [5.0 MQTT-4.3.2-5] after PUBACK a PUBLISH with the same packet id is a new message, even with DUP',
  ALL,
  async ({ connect }) => {
    const subscriber = await connect('subscriber')
    await subscriber.subscribe({ topic: 'a', qos: 1 })
    const publisher = await connect('publisher')
    await publisher.publish({ topic: 'a', qos: 1, messageId: 3, payload: Buffer.from('first') })
    await publisher.publish({ topic: 'a', qos: 1, messageId: 3, payload: Buffer.from('second'), dup: true })
    assert.deepEqual(texts(await receive(subscriber, 2)), ['first', 'second'])
  },
)

spec(
  '[3.1.1 MQTT-4.3.3-2] [5.0 MQTT-4.3.3-10] until PUBREL a QoS 2 PUBLISH with the same packet id is acknowledged and not delivered again',
  ALL,
  async ({ connect }) => {
    const subscriber = await connect('subscriber')
    await subscriber.subscribe({ topic: 'a', qos: 2 })
    const publisher = await connect('publisher')
    publisher.send(textPacket('a', 'once', { qos: 2, messageId: 9 }))
    assert.equal((await publisher.expect('pubrec')).messageId, 9)
    for (const dup of [true, false]) {
      publisher.send(textPacket('a', 'again', { qos: 2, messageId: 9, dup }))
      const { messageId, reasonCode = 0 } = await publisher.expect('pubrec')
      assert.deepEqual([messageId, reasonCode], [9, 0])
    }
    assert.deepEqual(texts(await receive(subscriber, 1)), ['once'])
    await subscriber.expectNothing()
  },
)

spec(
  '[3.1.1 MQTT-4.3.3-2] [5.0 MQTT-4.3.3-11] [5.0 MQTT-4.3.3-12] PUBREL is answered with PUBCOMP, and then a PUBLISH with the same packet id is a new message',
  ALL,
  async ({ connect }) => {
    const subscriber = await connect('subscriber')
    await subscriber.subscribe({ topic: 'a', qos: 2 })
    const publisher = await connect('publisher')
    for (const [text, dup] of [
      ['first', false],
      ['second', true],
    ] as const) {
      publisher.send(textPacket('a', text, { qos: 2, messageId: 5, dup }))
      assert.equal((await publisher.expect('pubrec')).messageId, 5)
      publisher.send({ cmd: 'pubrel', messageId: 5 })
      const { messageId, reasonCode = 0 } = await publisher.expect('pubcomp')
      assert.deepEqual([messageId, reasonCode], [5, 0])
    }
    assert.deepEqual(texts(await receive(subscriber, 2)), ['first', 'second'])
  },
)

spec(
  '[5.0 MQTT-4.3.3-9] after a PUBREC that refuses, a PUBLISH with the same packet id is a new message',
  [5],
  async ({ broker, connect }) => {
    broker.authorizePublish = (_, packet) => packet.payload.toString() !== 'refused'
    const subscriber = await connect('subscriber')
    await subscriber.subscribe({ topic: 'a', qos: 2 })
    const publisher = await connect('publisher', keptSession(5))
    assert.equal(await publisher.publish({ topic: 'a', qos: 2, messageId: 4, payload: Buffer.from('refused') }), 0x87)
    assert.equal(await publisher.publish({ topic: 'a', qos: 2, messageId: 4, payload: Buffer.from('new') }), 0)
    assert.deepEqual(texts(await receive(subscriber, 1)), ['new'])
  },
)

spec('[3.1.1 MQTT-4.3.3-2] a PUBREL for an unknown packet id is answered with PUBCOMP', [3, 4], async ({ connect }) => {
  const publisher = await connect('publisher')
  publisher.send({ cmd: 'pubrel', messageId: 77 })
  assert.equal((await publisher.expect('pubcomp')).messageId, 77)
})

spec(
  '[5.0 MQTT-4.3.3-11] [5.0 MQTT-3.7.2-1] a PUBREL for an unknown packet id is answered with 0x92',
  [5],
  async ({ connect }) => {
    const publisher = await connect('publisher')
    publisher.send({ cmd: 'pubrel', messageId: 77 })
    const { messageId, reasonCode } = await publisher.expect('pubcomp')
    assert.deepEqual([messageId, reasonCode], [77, 0x92])
    await publisher.publish({ topic: 'a', qos: 2, messageId: 8 })
    publisher.send({ cmd: 'pubrel', messageId: 8 })
    assert.equal((await publisher.expect('pubcomp')).reasonCode, 0x92, 'a second PUBREL')
  },
)

spec(
  '[3.1.1 MQTT-3.6.1-1] [5.0 MQTT-3.6.1-1] a PUBREL with wrong flags ends the connection',
  ALL,
  async ({ connect, version }) => {
    const wrong = ['60', '61', '63', '66', '6f', ...(version === 3 ? [] : ['6a'])]
    for (const first of wrong) {
      const publisher = await connect('publisher')
      publisher.sendBytes(`${first} 02 0001`)
      await publisher.expectDisconnect(0x81)
    }
  },
)

spec('a packet id of 0 ends the connection', ALL, async ({ connect, version }) => {
  const publish = version === 5 ? '06 0001 61 0000 00' : '05 0001 61 0000'
  for (const bytes of [`32 ${publish}`, `34 ${publish}`, '62 02 0000', '40 02 0000', '50 02 0000', '70 02 0000']) {
    const publisher = await connect('publisher')
    publisher.sendBytes(bytes)
    const last = (await publisher.closed()).at(-1)
    if (version === 5) assert(last?.cmd === 'disconnect' && [0x81, 0x82].includes(last.reasonCode!))
    else assert.equal(last, undefined)
  }
})

spec(
  '[3.1.1 MQTT-4.3.3-2] [5.0 MQTT-4.3.3-10] [3.1.1 MQTT-4.4.0-1] [5.0 MQTT-4.4.0-1] a resumed session still has the packet ids that wait for PUBREL',
  ALL,
  async ({ connect, version }) => {
    const subscriber = await connect('subscriber')
    await subscriber.subscribe({ topic: 'a', qos: 2 })
    const publisher = await connect('publisher', keptSession(version))
    publisher.send(textPacket('a', 'once', { qos: 2, messageId: 6 }))
    await publisher.expect('pubrec')
    await publisher.drop()
    const returned = await connect('publisher', keptSession(version))
    returned.send(textPacket('a', 'once', { qos: 2, messageId: 6, dup: true }))
    assert.equal((await returned.expect('pubrec')).messageId, 6)
    await returned.drop()
    const again = await connect('publisher', keptSession(version))
    again.send({ cmd: 'pubrel', messageId: 6 })
    const { messageId, reasonCode = 0 } = await again.expect('pubcomp')
    assert.deepEqual([messageId, reasonCode], [6, 0])
    assert.deepEqual(texts(await receive(subscriber, 1)), ['once'])
    await subscriber.expectNothing()
  },
)

spec(
  'a new session has none of the packet ids that waited for PUBREL in the previous one',
  ALL,
  async ({ connect, version }) => {
    const subscriber = await connect('subscriber')
    await subscriber.subscribe({ topic: 'a', qos: 2 })
    const publisher = await connect('publisher', keptSession(version))
    publisher.send(textPacket('a', 'old', { qos: 2, messageId: 6 }))
    await publisher.expect('pubrec')
    await publisher.drop()
    const fresh = await connect('publisher', { clean: true })
    await fresh.publish({ topic: 'a', qos: 2, messageId: 6, payload: Buffer.from('new') })
    assert.deepEqual(texts(await receive(subscriber, 2)), ['old', 'new'])
  },
)

spec('a QoS 1 PUBLISH in between does not affect a QoS 2 message that waits for PUBREL', ALL, async ({ connect }) => {
  const subscriber = await connect('subscriber')
  await subscriber.subscribe({ topic: 'a', qos: 2 })
  const publisher = await connect('publisher')
  publisher.send(textPacket('a', 'two', { qos: 2, messageId: 1 }))
  await publisher.expect('pubrec')
  publisher.send(textPacket('a', 'one', { qos: 1, messageId: 2 }))
  await publisher.expect('puback')
  publisher.send(textPacket('a', 'two', { qos: 2, messageId: 1, dup: true }), { cmd: 'pubrel', messageId: 1 })
  await publisher.expect('pubrec')
  await publisher.expect('pubcomp')
  assert.deepEqual(texts(await receive(subscriber, 2)), ['two', 'one'])
  await subscriber.expectNothing()
})
