/** User properties of messages (3.3.2.3.7): every pair, in order, on every path of a message. */
import assert from 'node:assert/strict'
import type { SpecClient } from '../../support/clients/spec-client.js'
import { keptSession, spec } from '../../support/spec.js'

const PAIRS: [string, string][] = [
  ['b', '1'],
  ['a', '2'],
  ['b', '3'],
  ['7', 'seven'],
  ['', ''],
  ['a', '2'],
  ['__proto__', 'p'],
  ['ümläut', '漢字'],
  ['constructor', ''],
]

function text(value: string): string {
  const bytes = Buffer.from(value)
  return bytes.length.toString(16).padStart(4, '0') + bytes.toString('hex')
}

const LIST = PAIRS.map(([name, value]) => `26${text(name)}${text(value)}`).join('')

/** A PUBLISH on topic `a` with these pairs and no other property. */
function publishBytes(first: string, messageId: string): string {
  const properties = (LIST.length / 2).toString(16).padStart(2, '0')
  const content = `000161${messageId}${properties}${LIST}78`
  return `${first}${(content.length / 2).toString(16).padStart(2, '0')}${content}`
}

/** Everything that a client receives, as hexadecimal. */
function record(client: SpecClient): () => string {
  const chunks: Buffer[] = []
  client.stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  return () => Buffer.concat(chunks).toString('hex')
}

for (const qos of [0, 1, 2] as const) {
  spec(
    `[5.0 MQTT-3.3.2-17] [5.0 MQTT-3.3.2-18] QoS ${qos}: all User Properties arrive in order, byte for byte`,
    [5],
    async ({ connect }) => {
      assert(LIST.length / 2 < 118, 'the length fits into one byte')
      const subscriber = await connect('subscriber')
      await subscriber.subscribe({ topic: 'a', qos })
      const received = record(subscriber)
      const publisher = await connect('publisher')
      publisher.sendBytes(publishBytes(['30', '32', '34'][qos]!, qos > 0 ? '0009' : ''))
      await subscriber.expect('publish')
      assert(received().includes(LIST))
    },
  )
}

for (const [way, retain] of [
  ['a message that was queued for its session', false],
  ['a retained message', true],
] as const) {
  spec(
    `[5.0 MQTT-3.3.2-17] [5.0 MQTT-3.3.2-18] the User Properties of ${way} arrive in order, byte for byte`,
    [5],
    async ({ connect, dial }) => {
      const away = await connect('away', keptSession(5))
      if (!retain) await away.subscribe({ topic: 'a', qos: 1 })
      await away.disconnect()
      const publisher = await connect('publisher')
      publisher.sendBytes(publishBytes(retain ? '33' : '32', '0009'))
      await publisher.expect('puback')
      const returned = dial()
      const received = record(returned)
      await returned.connect({ clientId: 'away', ...keptSession(5) })
      if (retain) await returned.subscribe({ topic: 'a', qos: 1 })
      await returned.expect('publish')
      assert(received().includes(LIST))
    },
  )
}

spec(
  '[5.0 MQTT-3.3.2-17] [5.0 MQTT-3.3.2-18] the User Properties of a message that is sent again arrive in order, byte for byte',
  [5],
  async context => {
    const { connect, dial } = context
    const subscriber = await connect('subscriber', keptSession(5))
    await subscriber.subscribe({ topic: 'a', qos: 2 })
    const publisher = await connect('publisher')
    publisher.sendBytes(publishBytes('34', '0009'))
    await subscriber.expect('publish')
    await subscriber.drop()
    const returned = dial()
    const received = record(returned)
    await returned.connect({ clientId: 'subscriber', ...keptSession(5) })
    assert.equal((await returned.expect('publish')).dup, true)
    assert(received().includes(LIST))
  },
)

spec('a hook that replaces the User Properties decides their order', [5], async ({ broker, connect }) => {
  broker.authorizePublish = (_, packet) => {
    packet.properties = { userProperties: { z: '1', y: ['2', '3'] } }
    return true
  }
  const subscriber = await connect('subscriber')
  await subscriber.subscribe({ topic: 'a', qos: 1 })
  const received = record(subscriber)
  const publisher = await connect('publisher')
  publisher.sendBytes(publishBytes('32', '0009'))
  await subscriber.expect('publish')
  assert(received().includes(`26${text('z')}${text('1')}26${text('y')}${text('2')}26${text('y')}${text('3')}`))
})

spec('3.1 and 3.1.1 subscribers get the message without User Properties', [3, 4], async ({ connect }) => {
  const subscriber = await connect('subscriber')
  await subscriber.subscribe({ topic: 'a', qos: 0 })
  const received = record(subscriber)
  const publisher = await connect('publisher', {}, 5)
  publisher.sendBytes(publishBytes('30', ''))
  const message = await subscriber.expect('publish')
  assert.equal(message.payload.toString(), 'x')
  assert.equal(received(), '300400016178')
})
