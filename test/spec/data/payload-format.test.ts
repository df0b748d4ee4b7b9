/** Payload Format Indicator (3.3.2.3.2): forwarded unchanged, and checked if the option says so. */
import assert from 'node:assert/strict'
import { receive, textPacket } from '../../support/clients/traffic.js'
import { spec } from '../../support/spec.js'

const UTF8 = { payloadFormatIndicator: true }
const BYTES = { payloadFormatIndicator: false }
const NO_TEXT = Buffer.from([0xc3, 0x28])

for (const qos of [1, 2] as const) {
  spec(
    `QoS ${qos}: a payload that is not UTF-8 although it should be is refused with 0x99`,
    [5],
    async ({ broker, connect }) => {
      const refused: string[] = []
      broker.on('publishRefused', error => refused.push(error.code))
      const subscriber = await connect('subscriber')
      await subscriber.subscribe({ topic: '#', qos: 2 })
      const publisher = await connect('publisher')
      assert.equal(await publisher.publish({ topic: 'a', qos, retain: true, payload: NO_TEXT, properties: UTF8 }), 0x99)
      assert.deepEqual(refused, ['ANAX_ERR_PAYLOAD_FORMAT'])
      await subscriber.expectNothing()
      assert.equal(await publisher.publish({ topic: 'a', qos, payload: NO_TEXT, properties: BYTES }), 0)
      assert.equal(await publisher.publish({ topic: 'a', qos, payload: NO_TEXT }), 0)
      assert.equal(await publisher.publish({ topic: 'a', qos, payload: Buffer.from('漢字'), properties: UTF8 }), 0)
      assert.equal(await publisher.publish({ topic: 'a', qos, payload: Buffer.alloc(0), properties: UTF8 }), 0)
      assert.equal((await receive(subscriber, 4)).length, 4)
      const late = await connect('late')
      await late.subscribe({ topic: '#', qos: 0 })
      await late.expectNothing()
    },
    { validatePayloadFormat: true },
  )
}

spec(
  'QoS 0: a message whose payload is not UTF-8 although it should be is dropped, and the connection remains',
  [5],
  async ({ broker, connect }) => {
    const refused: string[] = []
    broker.on('publishRefused', error => refused.push(error.code))
    const subscriber = await connect('subscriber')
    await subscriber.subscribe({ topic: '#', qos: 0 })
    const publisher = await connect('publisher')
    publisher.send({ ...textPacket('a', ''), payload: NO_TEXT, properties: UTF8 }, textPacket('b', 'fine'))
    await publisher.expectNothing()
    assert.deepEqual(
      (await receive(subscriber, 1)).map(({ topic }) => topic),
      ['b'],
    )
    assert.deepEqual(refused, ['ANAX_ERR_PAYLOAD_FORMAT'])
  },
  { validatePayloadFormat: true },
)

spec('[5.0 MQTT-3.3.2-4] the payload is not checked by default', [5], async ({ connect }) => {
  const subscriber = await connect('subscriber')
  await subscriber.subscribe({ topic: 'a', qos: 1 })
  const publisher = await connect('publisher')
  assert.equal(await publisher.publish({ topic: 'a', qos: 1, payload: NO_TEXT, properties: UTF8 }), 0)
  const [message] = await receive(subscriber, 1)
  assert.deepEqual([message!.payload, message!.properties?.payloadFormatIndicator], [NO_TEXT, true])
})

spec('a Payload Format Indicator other than 0 and 1 is a protocol error', [5], async ({ connect }) => {
  const publisher = await connect('publisher')
  publisher.sendBytes('30 06 0001 61 02 01 02')
  await publisher.expectDisconnect(0x82)
})
