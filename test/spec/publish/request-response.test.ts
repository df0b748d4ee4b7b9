/** Request and response: response topic, correlation data, and the response information of CONNACK (4.10). */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { PublishProperties } from '../../../types/message/packets.js'
import { publishText, receiveAll, textOf } from '../../support/clients/exchange.js'
import { keptSession, spec } from '../../support/spec.js'

const REQUEST = { responseTopic: 'answers/1', correlationData: Buffer.from([0, 1, 0xff, 0x80]) }

/** The two properties, as received. */
function requestOf({ properties }: { properties?: PublishProperties | undefined }): PublishProperties {
  const { responseTopic, correlationData } = properties ?? {}
  return { ...(responseTopic !== undefined && { responseTopic }), ...(correlationData && { correlationData }) }
}

spec('a response reaches the Response Topic of the request, with its Correlation Data', [5], async ({ connect }) => {
  const requester = await connect('requester')
  await requester.subscribe({ topic: 'answers/1', qos: 1 })
  const responder = await connect('responder')
  await responder.subscribe({ topic: 'requests', qos: 1 })
  await publishText(requester, 'requests', 'what time is it?', { qos: 1, properties: REQUEST })
  const [request] = await receiveAll(responder)
  const { responseTopic, correlationData } = requestOf(request!)
  await publishText(responder, responseTopic!, 'late', { qos: 1, properties: { correlationData: correlationData! } })
  const [response] = await receiveAll(requester)
  assert.equal(textOf(response!), 'late')
  assert.deepEqual(requestOf(response!), { correlationData: REQUEST.correlationData })
})

for (const qos of [0, 1, 2] as const) {
  spec(
    `[5.0 MQTT-3.3.2-15] [5.0 MQTT-3.3.2-16] Response Topic and Correlation Data are passed on unchanged: live, retained and queued, QoS ${qos}`,
    [5],
    async ({ connect }) => {
      const client = await connect('subscriber', keptSession(5))
      await client.subscribe({ topic: 'a', qos: 2 })
      const publisher = await connect('publisher')
      for (const properties of [REQUEST, { responseTopic: 'é/$x' }, { correlationData: Buffer.alloc(0) }, {}]) {
        await publishText(publisher, 'a', '', { qos, properties })
        assert.deepEqual((await receiveAll(client)).map(requestOf), [properties])
      }
      await client.drop()
      await publishText(publisher, 'a', 'x', { qos, properties: REQUEST, retain: true })
      const again = await connect('subscriber', keptSession(5))
      assert.deepEqual((await receiveAll(again)).map(requestOf), qos === 0 ? [] : [REQUEST])
      const late = await connect('late')
      await late.subscribe({ topic: 'a', qos })
      assert.deepEqual((await receiveAll(late)).map(requestOf), [REQUEST])
    },
  )
}

spec(
  '[5.0 MQTT-3.3.2-15] [5.0 MQTT-3.3.2-16] Response Topic and Correlation Data of a will are passed on unchanged',
  [5],
  async ({ connect }) => {
    const client = await connect('subscriber')
    await client.subscribe({ topic: 'a', qos: 1 })
    const will = { topic: 'a', payload: Buffer.from('x'), qos: 1, retain: false, properties: REQUEST } as const
    await (await connect('mortal', { will })).drop()
    assert.deepEqual(requestOf(await client.expect('publish')), REQUEST)
  },
)

spec(
  'a 3.1 or 3.1.1 client gets the message without Response Topic and Correlation Data',
  [3, 4],
  async ({ connect }) => {
    const client = await connect('subscriber')
    await client.subscribe({ topic: 'a', qos: 0 })
    await publishText(await connect('publisher', {}, 5), 'a', 'question', { properties: REQUEST })
    assert.deepEqual((await receiveAll(client)).map(textOf), ['question'])
  },
)

for (const [clause, what, bytes, reasonCode] of [
  ['[5.0 MQTT-3.3.2-14]', 'with +', '30 0a 0001 61 06 08 0003 622f2b', 0x82],
  ['[5.0 MQTT-3.3.2-14]', 'with #', '30 08 0001 61 04 08 0001 23', 0x82],
  ['[5.0 MQTT-4.7.3-1]', 'that is empty', '30 07 0001 61 03 08 0000', 0x82],
  ['[5.0 MQTT-3.3.2-13]', 'that is not UTF-8', '30 08 0001 61 04 08 0001 80', 0x81],
  ['[5.0 MQTT-3.3.2-13]', 'with U+0000', '30 08 0001 61 04 08 0001 00', 0x81],
  ['a', 'named twice', '30 0c 0001 61 08 08 0001 62 08 0001 62', 0x82],
] as const) {
  spec(`${clause} response topic ${what} ends the connection with 0x${reasonCode.toString(16)}`, [5], async frame => {
    const client = await frame.connect('requester')
    client.sendBytes(bytes)
    await client.expectDisconnect(reasonCode)
  })
}

spec('Correlation Data twice is a protocol error', [5], async ({ connect }) => {
  const client = await connect('requester')
  client.sendBytes('30 0a 0001 61 06 09 0000 09 0000')
  await client.expectDisconnect(0x82)
})

spec(
  '[5.0 MQTT-3.1.2-28] only clients that request Response Information get it',
  [5],
  async ({ resume }) => {
    for (const [requestResponseInformation, told] of [
      [undefined, undefined],
      [false, undefined],
      [true, 'answers/'],
    ] as const) {
      const properties = requestResponseInformation === undefined ? {} : { requestResponseInformation }
      const { connack } = await resume('client', { properties })
      assert.equal(connack.properties?.responseInformation, told)
    }
  },
  { responseInformation: 'answers/' },
)

spec('without the option CONNACK has no Response Information', [5], async ({ resume }) => {
  const { connack } = await resume('client', { properties: { requestResponseInformation: true } })
  assert.equal(connack.properties?.responseInformation, undefined)
})

spec(
  'Response Information may come from a function, which may return none for a client',
  [5],
  async ({ resume }) => {
    const properties = { requestResponseInformation: true }
    const { connack } = await resume('alice', { properties })
    assert.equal(connack.properties?.responseInformation, 'answers/alice')
    const { connack: other } = await resume('nobody', { properties })
    assert.equal(other.properties?.responseInformation, undefined)
  },
  { responseInformation: ({ id }) => (id === 'nobody' ? undefined : `answers/${id}`) },
)

spec(
  'a Response Information function that throws does not refuse the client, and an event reports it',
  [5],
  async ({ broker, resume }) => {
    const told = once(broker, 'hookError')
    const { connack } = await resume('client', { properties: { requestResponseInformation: true } })
    assert.equal(connack.properties?.responseInformation, undefined)
    assert.equal((await told)[1], 'responseInformation')
  },
  { responseInformation: () => assert.fail('broken') },
)
