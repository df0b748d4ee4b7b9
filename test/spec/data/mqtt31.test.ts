/** MQTT 3.1 (MQIsdp) where it differs from 3.1.1, and bridges, whose protocol level has its high bit set. */
import assert from 'node:assert/strict'
import { connectBytes, packetBytes, recordBytes, refuse, textField } from '../../support/bytes.js'
import { connectPacket } from '../../support/clients/spec-client.js'
import { keptSession, spec } from '../../support/spec.js'

spec('CONNACK of 3.1 has a reserved byte of 0, even if the session is resumed', [3], async ({ dial, connect }) => {
  await (await connect('client', keptSession(3))).disconnect()
  const client = dial()
  const bytes = recordBytes(client)
  client.send(connectPacket(3, { clientId: 'client', clean: false }))
  await client.expect('connack')
  assert.equal(bytes.take(), '20020000')
})

for (const [returnCode, reasonCode] of [
  [2, 0x85],
  [3, 0x88],
  [4, 0x86],
  [5, 0x87],
] as const) {
  spec(`return code ${returnCode} is the same in 3.1 and 3.1.1`, [3, 4], async ({ version, broker, dial }) => {
    broker.authenticate = () => ({ reasonCode })
    const client = dial()
    const bytes = recordBytes(client)
    await refuse(client, connectPacket(version), reasonCode, returnCode)
    assert.equal(bytes.take(), `200200${returnCode.toString().padStart(2, '0')}`)
  })
}

spec('SUBSCRIBE, UNSUBSCRIBE and PUBREL with DUP are accepted in 3.1 and refused in 3.1.1', [3, 4], async tools => {
  const packets = [
    [packetBytes(0x8a, '0001', textField('a'), '01'), '9003000101'],
    [packetBytes(0xaa, '0002', textField('a')), 'b0020002'],
    [packetBytes(0x6a, '0003'), '70020003'],
  ] as const
  for (const [packet, answer] of packets) {
    const client = await tools.connect('client')
    const bytes = recordBytes(client)
    client.sendBytes(packet)
    if (tools.version === 4) {
      assert.deepEqual(await client.closed(), [])
      continue
    }
    await client.next()
    assert.equal(bytes.take(), answer)
  }
})

spec('a 3.1 client gets 0x80 for a filter that is refused', [3], async ({ broker, connect }) => {
  broker.authorizeSubscribe = (_, { topic }) => topic !== 'secret'
  const client = await connect('client')
  assert.deepEqual(await client.subscribe({ topic: 'a', qos: 1 }, { topic: 'secret', qos: 1 }), [1, 0x80])
})

spec('clients of 3.1, 3.1.1 and 5.0 exchange messages', [3, 4, 5], async ({ connect }) => {
  const clients = [await connect('three', {}, 3), await connect('four', {}, 4), await connect('five', {}, 5)]
  for (const client of clients) await client.subscribe({ topic: 'a', qos: 2 })
  for (const publisher of clients) {
    publisher.send({ ...PUBLISH, qos: 0 })
    for (const client of clients) assert.equal((await client.expect('publish')).payload.toString(), 'hello')
  }
})

const PUBLISH = { cmd: 'publish', topic: 'a', payload: Buffer.from('hello'), dup: false, retain: false } as const

for (const version of [3, 4] as const) {
  spec(
    `a bridge with protocol level 0x8${version} is served like a client of level ${version}`,
    [version],
    async tools => {
      const client = tools.dial()
      let isBridge: boolean | undefined
      tools.broker.preConnect = (_, { bridgeMode }) => {
        isBridge = bridgeMode
        return true
      }
      client.sendBytes(connectBytes(version, { level: 0x80 | version }))
      assert.equal((await client.expect('connack')).returnCode, 0)
      assert.equal(isBridge, true)
      assert.deepEqual(await client.subscribe({ topic: 'a', qos: 1 }), [1])
      await tools.broker.publish({ topic: 'a', payload: 'hello' })
      assert.equal((await client.expect('publish')).payload.toString(), 'hello')
      await tools.broker.publish({ topic: 'a', payload: 'kept', retain: true })
      assert.equal((await client.expect('publish')).retain, true, 'Retain As Published')
      client.send({ ...PUBLISH, qos: 0 })
      await client.expectNothing()
      assert.deepEqual(await client.subscribe({ topic: '$share/g/a', qos: 1 }), [1], 'without No Local')
      const plain = await tools.connect('plain')
      assert.equal(isBridge, undefined)
      await plain.expectNothing()
    },
  )
}

spec('protocol level 0x85 is refused: bridges use their own levels only before 5.0', [5], async ({ dial }) => {
  const bytes = packetBytes(0x10, textField('MQTT'), '85 02 00 00 00', textField('raw'))
  await refuse(dial(), bytes, 0x84)
})
