/** PUBLISH (3.3): what is forwarded unchanged, the QoS of delivery, and invalid packets. */
import assert from 'node:assert/strict'
import { nextMessage, receive, textPacket, texts } from '../../support/clients/traffic.js'
import { spec } from '../../support/spec.js'

const ALL = [3, 4, 5] as const

spec(
  '[3.1.1 MQTT-4.3.1-1] [5.0 MQTT-4.3.1-1] [3.1.1 MQTT-3.3.4-1] [5.0 MQTT-3.3.4-1] a QoS 0 message is delivered once and not acknowledged',
  ALL,
  async ({ connect }) => {
    const subscriber = await connect('subscriber')
    await subscriber.subscribe({ topic: 'a', qos: 0 })
    const publisher = await connect('publisher')
    publisher.send(textPacket('a', 'once'))
    await publisher.expectNothing()
    const message = await nextMessage(subscriber, 0)
    assert.equal(message.dup, false)
    assert.equal(message.messageId, undefined)
    assert.equal(message.payload.toString(), 'once')
    await subscriber.expectNothing()
  },
)

for (const published of [0, 1, 2] as const) {
  for (const granted of [0, 1, 2] as const) {
    spec(
      `published with QoS ${published}, subscribed with ${granted}: delivered with the lower one`,
      ALL,
      async ({ connect }) => {
        const subscriber = await connect('subscriber')
        await subscriber.subscribe({ topic: 'a', qos: granted })
        await (await connect('publisher')).publish({ topic: 'a', qos: published })
        const [message] = await receive(subscriber, 1)
        assert.equal(message!.qos, Math.min(published, granted))
        await subscriber.expectNothing()
      },
    )
  }
}

spec(
  '[3.1.1 MQTT-3.3.5-1] [5.0 MQTT-3.3.4-2] overlapping subscriptions get one copy, with the highest QoS',
  ALL,
  async ({ connect }) => {
    const subscriber = await connect('subscriber')
    await subscriber.subscribe({ topic: 'a/+', qos: 0 }, { topic: 'a/b', qos: 2 }, { topic: '#', qos: 1 })
    await (await connect('publisher')).publish({ topic: 'a/b', qos: 2 })
    const [message] = await receive(subscriber, 1)
    assert.equal(message!.qos, 2)
    await subscriber.expectNothing()
  },
)

spec(
  '[3.1.1 MQTT-3.3.5-1] [5.0 MQTT-3.3.4-2] overlapping subscriptions of a disconnected session get one copy, with the highest QoS',
  ALL,
  async ({ connect, version }) => {
    const kept = version === 5 ? { clean: false, properties: { sessionExpiryInterval: 100 } } : { clean: false }
    const subscriber = await connect('subscriber', kept)
    await subscriber.subscribe({ topic: 'a/+', qos: 1 }, { topic: 'a/b', qos: 2 })
    await subscriber.disconnect()
    await (await connect('publisher')).publish({ topic: 'a/b', qos: 2 })
    const returned = await connect('subscriber', kept)
    const [message] = await receive(returned, 1)
    assert.equal(message!.qos, 2)
    await returned.expectNothing()
  },
)

spec(
  '[3.1.1 MQTT-3.3.2-3] [5.0 MQTT-3.3.2-3] the topic of a delivered message matches the filter',
  ALL,
  async ({ connect }) => {
    const subscriber = await connect('subscriber')
    await subscriber.subscribe({ topic: 'sport/+/player', qos: 0 })
    const publisher = await connect('publisher')
    for (const topic of [
      'sport/tennis/player',
      'sport/player',
      'sport/a/b/player',
      'sport/a/player/x',
      'sport//player',
    ]) {
      await publisher.publish({ topic, payload: Buffer.from(topic), qos: 1 })
    }
    const messages = await receive(subscriber, 2)
    assert.deepEqual(
      messages.map(({ topic }) => topic),
      ['sport/tennis/player', 'sport//player'],
    )
    assert.deepEqual(
      texts(messages),
      messages.map(({ topic }) => topic),
    )
    await subscriber.expectNothing()
  },
)

spec(
  '[3.1.1 MQTT-3.3.1-3] [5.0 MQTT-3.3.1-3] the DUP flag of the publisher is not passed on',
  ALL,
  async ({ connect }) => {
    const subscriber = await connect('subscriber')
    await subscriber.subscribe({ topic: 'a', qos: 2 })
    const publisher = await connect('publisher')
    for (const qos of [1, 2] as const) {
      await publisher.publish({ topic: 'a', qos, dup: true })
      const [message] = await receive(subscriber, 1)
      assert.equal(message!.dup, false)
    }
  },
)

spec('[3.1.1 MQTT-3.3.1-2] [5.0 MQTT-3.3.1-2] DUP with QoS 0 ends the connection', ALL, async ({ connect }) => {
  const publisher = await connect('publisher')
  publisher.sendBytes(`38 04 0001 61 ${publisher.version === 5 ? '00' : '78'}`)
  await publisher.expectDisconnect(0x81)
})

spec('[3.1.1 MQTT-3.3.1-4] [5.0 MQTT-3.3.1-4] QoS 3 ends the connection', ALL, async ({ connect }) => {
  const publisher = await connect('publisher')
  publisher.sendBytes(`36 06 0001 61 0001 ${publisher.version === 5 ? '00' : '78'}`)
  await publisher.expectDisconnect(0x81)
})

for (const [what, topic] of [
  ['an overlong encoding', 'c0 80'],
  ['half a character', 'c3 28'],
  ['a surrogate', 'ed a0 80'],
] as const) {
  spec(
    `[3.1.1 MQTT-3.3.2-1] [5.0 MQTT-3.3.2-1] a topic name that is not UTF-8 ends the connection: ${what}`,
    ALL,
    async ({ connect }) => {
      const publisher = await connect('publisher')
      const bytes = topic.split(' ').length
      const rest = publisher.version === 5 ? '00' : ''
      const length = 2 + bytes + rest.length / 2
      publisher.sendBytes(`30 0${length} 000${bytes} ${topic} ${rest}`)
      await publisher.expectDisconnect(0x81)
    },
  )
}

for (const [topic, hex] of [
  ['+', '2b'],
  ['#', '23'],
] as const) {
  spec(
    `[3.1.1 MQTT-3.3.2-2] [5.0 MQTT-3.3.2-2] the topic name ${topic} ends the connection`,
    ALL,
    async ({ connect }) => {
      const watcher = await connect('watcher')
      await watcher.subscribe({ topic: '#', qos: 0 })
      const publisher = await connect('publisher')
      publisher.sendBytes(publisher.version === 5 ? `30 04 0001 ${hex} 00` : `30 03 0001 ${hex}`)
      await publisher.expectDisconnect(0x90)
      await watcher.expectNothing()
    },
  )
}

spec('an empty topic name without an alias ends the connection', ALL, async ({ connect }) => {
  const publisher = await connect('publisher')
  publisher.sendBytes(publisher.version === 5 ? '30 03 0000 00' : '30 02 0000')
  await publisher.expectDisconnect(publisher.version === 5 ? 0x82 : 0x90)
})

spec('[5.0 MQTT-3.3.4-6] a subscription identifier from a client ends the connection', [5], async ({ connect }) => {
  const publisher = await connect('publisher')
  publisher.sendBytes('30 06 0001 61 02 0b 01')
  await publisher.expectDisconnect(0x82)
})

spec(
  '[5.0 MQTT-3.3.2-4] [5.0 MQTT-3.3.2-15] [5.0 MQTT-3.3.2-16] [5.0 MQTT-3.3.2-17] [5.0 MQTT-3.3.2-20]' +
    ' the properties of a message are passed on unchanged',
  [5],
  async ({ connect }) => {
    const subscriber = await connect('subscriber')
    await subscriber.subscribe({ topic: 'a', qos: 2 })
    const publisher = await connect('publisher')
    for (const payloadFormatIndicator of [true, false]) {
      const properties = {
        payloadFormatIndicator,
        contentType: 'text/plain; charset=utf-8',
        responseTopic: 'answers/für/mich',
        correlationData: Buffer.from([0, 255, 1, 254]),
        userProperties: { tone: ['high', 'low'], size: '1' },
      }
      for (const qos of [0, 1, 2] as const) {
        await publisher.publish({ topic: 'a', qos, properties })
        const [message] = await receive(subscriber, 1)
        assert.deepEqual(JSON.parse(JSON.stringify(message!.properties)), JSON.parse(JSON.stringify(properties)))
      }
    }
  },
)

spec(
  '[5.0 MQTT-3.3.2-4] [5.0 MQTT-3.3.2-15] [5.0 MQTT-3.3.2-16] [5.0 MQTT-3.3.2-17] [5.0 MQTT-3.3.2-20]' +
    ' the properties of retained and of queued messages are passed on unchanged',
  [5],
  async ({ connect }) => {
    const kept = { clean: false, properties: { sessionExpiryInterval: 100 } }
    await (async () => {
      const away = await connect('away', kept)
      await away.subscribe({ topic: 'a', qos: 1, rh: 2 })
      await away.disconnect()
    })()
    const properties = {
      payloadFormatIndicator: true,
      contentType: 'text/plain',
      responseTopic: 'answers',
      correlationData: Buffer.from('42'),
      userProperties: { b: '1', a: '2' },
    }
    await (await connect('publisher')).publish({
      topic: 'a',
      qos: 1,
      retain: true,
      payload: Buffer.from('x'),
      properties,
    })
    const late = await connect('late')
    await late.subscribe({ topic: 'a', qos: 1 })
    for (const client of [late, await connect('away', kept)]) {
      const [message] = await receive(client, 1)
      assert.deepEqual(JSON.parse(JSON.stringify(message!.properties)), JSON.parse(JSON.stringify(properties)))
    }
  },
)

for (const [what, properties] of [
  ['content type', '03 0002 c328'],
  ['response topic', '08 0002 c328'],
] as const) {
  const clause = what === 'content type' ? '[5.0 MQTT-3.3.2-19]' : '[5.0 MQTT-3.3.2-13]'
  spec(`${clause} a ${what} that is not UTF-8 ends the connection`, [5], async ({ connect }) => {
    const publisher = await connect('publisher')
    publisher.sendBytes(`30 09 0001 61 05 ${properties}`)
    await publisher.expectDisconnect(0x81)
  })
}

spec('[5.0 MQTT-3.3.2-14] a response topic with wildcards ends the connection', [5], async ({ connect }) => {
  for (const topic of ['612f2b', '612f23']) {
    const publisher = await connect('publisher')
    publisher.sendBytes(`30 0a 0001 61 06 08 0003 ${topic}`)
    const packets = await publisher.closed()
    const last = packets.at(-1)
    assert(last?.cmd === 'disconnect' && [0x81, 0x82].includes(last.reasonCode!), JSON.stringify(last))
  }
})

spec(
  '[3.1.1 MQTT-3.3.5-2] a PUBLISH that is not authorised ends the connection, and reaches nobody',
  [3, 4],
  async ({ broker, connect }) => {
    broker.authorizePublish = (_, packet) => packet.topic !== 'forbidden'
    const watcher = await connect('watcher')
    await watcher.subscribe({ topic: '#', qos: 0 })
    for (const qos of [0, 1, 2] as const) {
      const publisher = await connect('publisher')
      publisher.send(textPacket('forbidden', 'x', { qos, messageId: qos > 0 ? 1 : undefined, retain: true }))
      assert.deepEqual(await publisher.closed(), [])
      await watcher.expectNothing()
    }
    const late = await connect('late')
    await late.subscribe({ topic: '#', qos: 0 })
    await late.expectNothing()
  },
)

spec(
  'a PUBLISH that is not authorised is refused with 0x87, and the connection remains',
  [5],
  async ({ broker, connect }) => {
    broker.authorizePublish = (_, packet) => packet.topic !== 'forbidden'
    const watcher = await connect('watcher')
    await watcher.subscribe({ topic: '#', qos: 0 })
    const publisher = await connect('publisher')
    for (const qos of [0, 1, 2] as const) {
      assert.equal(await publisher.publish({ topic: 'forbidden', qos }), qos === 0 ? 0 : 0x87)
    }
    assert.equal(await publisher.publish({ topic: 'allowed', qos: 2 }), 0)
    assert.deepEqual(
      (await watcher.settle()).map(packet => packet.cmd === 'publish' && packet.topic),
      ['allowed'],
    )
  },
)

spec('a message that nobody subscribed to is acknowledged with 0x10', [5], async ({ connect }) => {
  const publisher = await connect('publisher')
  assert.equal(await publisher.publish({ topic: 'nobody', qos: 1 }), 0x10)
  assert.equal(await publisher.publish({ topic: 'nobody', qos: 2 }), 0x10)
  const subscriber = await connect('subscriber', { clean: false, properties: { sessionExpiryInterval: 100 } })
  await subscriber.subscribe({ topic: 'nobody', qos: 1 })
  assert.equal(await publisher.publish({ topic: 'nobody', qos: 1 }), 0)
  await subscriber.drop()
  assert.equal(await publisher.publish({ topic: 'nobody', qos: 1 }), 0, 'it is queued for the session')
})
