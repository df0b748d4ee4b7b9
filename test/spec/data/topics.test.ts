/** Topic names and topic filters: syntax, wildcards, `$` topics, matching (4.7). */
import assert from 'node:assert/strict'
import {
  publishText,
  receiveAll,
  receiveTexts,
  sendWithNul,
  textPacket,
  unsubscribe,
} from '../../support/clients/exchange.js'
import { type Spec, spec } from '../../support/spec.js'

const ALL = [3, 4, 5] as const

/** Filter, topics that it matches, and topics that it does not: the examples of the standard, and more. */
const MATCHES: readonly (readonly [filter: string, matching: string[], others: string[]])[] = [
  [
    'sport/tennis/player1/#',
    ['sport/tennis/player1', 'sport/tennis/player1/ranking', 'sport/tennis/player1/score/wimbledon'],
    ['sport/tennis', 'sport/tennis/player10', 'sport/tennis/player1x/ranking'],
  ],
  ['sport/#', ['sport', 'sport/', 'sport/tennis', 'sport//'], ['sports', '/sport', 'spor']],
  ['#', ['sport', '/', '/finance', 'a/b/c/d', ' '], ['$sport', '$']],
  ['sport/tennis/+', ['sport/tennis/player1', 'sport/tennis/'], ['sport/tennis', 'sport/tennis/player1/ranking']],
  ['sport/+', ['sport/', 'sport/tennis'], ['sport', 'sport/tennis/player1']],
  ['+', ['sport', ' '], ['/finance', 'sport/', '$sport']],
  ['+/+', ['/finance', 'a/b', '/'], ['finance', 'a/b/c', '$sport/a']],
  ['/+', ['/finance', '/'], ['finance', '/finance/x', 'a/finance']],
  ['+/tennis/#', ['sport/tennis', '/tennis', 'sport/tennis/a/b'], ['sport/golf', '$sport/tennis', 'tennis']],
  ['sport/+/player1', ['sport/tennis/player1', 'sport//player1'], ['sport/player1', 'sport/a/b/player1']],
  ['+/+/#', ['a/b', 'a/b/c/d', '//'], ['a', '$a/b']],
  ['ACCOUNTS', ['ACCOUNTS'], ['Accounts', 'accounts', '/ACCOUNTS', 'ACCOUNTS/']],
  ['Accounts payable', ['Accounts payable'], ['Accountspayable', 'Accounts  payable']],
  ['/a//b/', ['/a//b/'], ['/a/b/', 'a//b', '/a//b']],
]

for (const [filter, matching, others] of MATCHES) {
  spec(`[5.0 MQTT-3.3.2-3] topics that ${filter} matches, and topics that it does not`, ALL, async ({ connect }) => {
    const client = await connect('subscriber')
    await client.subscribe({ topic: filter, qos: 0 })
    const publisher = await connect('publisher')
    for (const topic of [...matching, ...others]) await publishText(publisher, topic, '')
    const received = await receiveAll(client)
    assert.deepEqual(
      received.map(({ topic }) => topic),
      matching,
    )
  })

  spec(`retained messages that ${filter} matches`, ALL, async ({ connect }) => {
    const publisher = await connect('publisher')
    for (const topic of [...others, ...matching]) await publishText(publisher, topic, 'kept', { retain: true })
    const client = await connect('subscriber')
    await client.subscribe({ topic: filter, qos: 0 })
    const received = await receiveAll(client)
    assert.deepEqual(new Set(received.map(({ topic }) => topic)), new Set(matching))
    assert.equal(received.length, matching.length)
  })
}

spec(
  '[3.1.1 MQTT-4.7.2-1] [5.0 MQTT-4.7.2-1] filters that begin with a wildcard do not match topics that begin with $',
  ALL,
  async ({ connect }) => {
    const publisher = await connect('publisher')
    const filters = ['#', '+/monitor/clients', '+/#', '$data/#', '$data/monitor/+', '+/monitor/+', '$+']
    const matching: string[] = []
    await publishText(publisher, '$data/monitor/clients', 'retained', { retain: true })
    for (const topic of filters.filter(filter => filter !== '$+')) {
      const client = await connect('subscriber')
      await client.subscribe({ topic, qos: 0 })
      await publishText(publisher, '$data/monitor/clients', 'live')
      const texts = await receiveTexts(client)
      if (texts.length > 0) matching.push(topic)
      assert.ok(texts.length === 0 || texts.length === 2, `${topic}: ${texts}`)
    }
    assert.deepEqual(matching, ['$data/#', '$data/monitor/+'])
  },
)

spec(
  '[3.1.1 MQTT-4.7.2-1] [5.0 MQTT-4.7.2-1] messages of the application below $SYS/ go only to filters that begin with $SYS/',
  ALL,
  async ({ broker, connect }) => {
    const client = await connect('wide')
    await client.subscribe({ topic: '#', qos: 0 }, { topic: '+/uptime', qos: 0 })
    const system = await connect('system')
    await system.subscribe({ topic: '$SYS/#', qos: 0 })
    await broker.publish({ topic: '$SYS/uptime', payload: '1' })
    await client.expectNothing()
    assert.deepEqual(await receiveTexts(system), ['1'])
  },
)

for (const qos of [0, 1, 2] as const) {
  spec(
    `[3.1.1 MQTT-3.3.5-2] a QoS ${qos} PUBLISH of a client below $SYS/ is dropped, and the client stays connected`,
    ALL,
    async ({ version, broker, connect }) => {
      const refused: unknown[] = []
      broker.on('publishRefused', ({ reasonCode }, packet, who) => refused.push([reasonCode, packet.topic, who?.id]))
      const watcher = await connect('watcher')
      await watcher.subscribe({ topic: '$SYS/#', qos: 2 })
      const client = await connect('bridge')
      const reasonCode = await publishText(client, '$SYS/broker/uptime', '1', { qos, retain: true })
      if (qos > 0) assert.equal(reasonCode, version === 5 ? 0x87 : 0)
      assert.deepEqual(refused, [[0x87, '$SYS/broker/uptime', 'bridge']])
      assert.equal((await publishText(client, 'a', '', { qos })) < 0x80, true, 'it goes on')
      await watcher.expectNothing()
      const late = await connect('late')
      await late.subscribe({ topic: '$SYS/#', qos: 2 })
      await late.expectNothing()
    },
  )
}

spec(
  'without a hook, bridges and no other clients may publish their state on Mosquitto’s topic for it',
  ALL,
  async scene => {
    const { broker, connect } = scene
    const refused: string[] = []
    broker.on('publishRefused', (_, { topic }) => refused.push(topic))
    const bridge = await connect('bridge')
    await publishText(bridge, '$SYS/broker/connection/b/state', '1', { qos: 1, retain: true })
    const others = [
      '$SYS/broker/connection/b/state/x',
      '$SYS/broker/connection/state',
      '$SYS/broker/connection/b/c/state',
    ]
    for (const topic of others) await publishText(bridge, topic, '1', { qos: 1 })
    assert.deepEqual(refused, others)
    const watcher = await connect('watcher')
    await watcher.subscribe({ topic: '$SYS/broker/connection/#', qos: 1 })
    assert.deepEqual(await receiveTexts(watcher), ['1'])
  },
)

for (const [refusedPublish, verdict, isCut] of [
  ['disconnect', false, true],
  ['acknowledge', false, false],
  ['acknowledge', { refuse: 0x87, olderClients: 'disconnect' }, true],
  ['disconnect', { refuse: 0x87, olderClients: 'acknowledge' }, false],
] as const) {
  spec(
    `a PUBLISH that a hook refuses with ${JSON.stringify(verdict)} is handled as refusedPublish '${refusedPublish}' says`,
    ALL,
    async ({ version, broker, connect }) => {
      broker.authorizePublish = () => verdict
      const client = await connect('client')
      client.send(textPacket('a', '', { qos: 1, messageId: 1 }))
      if (version !== 5 && isCut) await client.expectDisconnect(0x87)
      else assert.equal((await client.expect('puback')).reasonCode ?? 0, version === 5 ? 0x87 : 0)
    },
    { refusedPublish },
  )
}

/** `~` stands for U+0000. The filter is refused as malformed, or by closing if the version has no code for it. */
async function expectRefusedFilter({ connect }: Spec, cmd: 'subscribe' | 'unsubscribe', filter: string): Promise<void> {
  const client = await connect('wrong-filter')
  if (cmd === 'subscribe') sendWithNul(client, { cmd, messageId: 1, subscriptions: [{ topic: filter, qos: 0 }] })
  else sendWithNul(client, { cmd, messageId: 1, unsubscriptions: [filter] })
  await client.expectDisconnect(0x81)
}

for (const [clauses, filters] of [
  ['[3.1.1 MQTT-4.7.1-2] [5.0 MQTT-4.7.1-1]', ['sport/tennis#', 'sport/tennis/#/ranking', '##', '#/', 'a/b#/c']],
  ['[3.1.1 MQTT-4.7.1-3] [5.0 MQTT-4.7.1-2]', ['sport+', '+a', 'a/b+/c', 'a/++', '++', '+#', '#+']],
  ['[3.1.1 MQTT-4.7.3-1] [5.0 MQTT-4.7.3-1]', ['']],
  ['[3.1.1 MQTT-4.7.3-2] [5.0 MQTT-4.7.3-2]', ['~', 'a/~/b', 'a~']],
] as const) {
  for (const filter of filters) {
    for (const cmd of ['subscribe', 'unsubscribe'] as const) {
      spec(`${clauses} ${cmd.toUpperCase()} of ${JSON.stringify(filter)} is malformed`, ALL, test =>
        expectRefusedFilter(test, cmd, filter),
      )
    }
  }
}

for (const [clauses, topics, reasonCode] of [
  ['[3.1.1 MQTT-4.7.1-1] [5.0 MQTT-4.7.0-1]', ['a/+', 'a/#', '#', '+', 'sport+', 'a#b'], 0x90],
  ['[3.1.1 MQTT-4.7.3-1] [5.0 MQTT-4.7.3-1]', [''], 0x82],
  ['[3.1.1 MQTT-4.7.3-2] [5.0 MQTT-4.7.3-2]', ['~', 'a~b'], 0x81],
] as const) {
  for (const topic of topics) {
    spec(`${clauses} PUBLISH to ${JSON.stringify(topic)} ends the connection`, ALL, async ({ connect }) => {
      const client = await connect('wrong-topic')
      sendWithNul(client, textPacket(topic, '', { qos: 1, messageId: 1 }))
      await client.expectDisconnect(reasonCode)
    })
  }
}

spec('[3.1.1 MQTT-4.7.3-3] [5.0 MQTT-4.7.3-3] topics and filters of 65535 bytes work', ALL, async ({ connect }) => {
  const longest = `${'é'.repeat(32_767)}x`
  assert.equal(Buffer.byteLength(longest), 65_535)
  const client = await connect('long-winded')
  assert.deepEqual(await client.subscribe({ topic: longest, qos: 1 }), [1])
  client.send(textPacket(longest.slice(0, -1), 'shorter'), textPacket(longest, 'longest'))
  const [message, ...others] = await receiveAll(client)
  assert.equal(message?.topic, longest)
  assert.deepEqual(others, [])
  await unsubscribe(client, longest)
  await publishText(client, longest, 'nobody')
  await client.expectNothing()
})

spec(
  '[3.1.1 MQTT-4.7.3-4] [5.0 MQTT-4.7.3-4] matching compares the text as it is, without Unicode normalisation',
  ALL,
  async ({ connect }) => {
    const spellings = [
      'caf\u00e9',
      'cafe\u0301',
      'CAF\u00c9',
      'caf\ufffd',
      'caf\u00e9\ufeff',
      '\ufeffcaf\u00e9',
      ' caf\u00e9',
    ]
    const publisher = await connect('publisher')
    for (const filter of spellings) {
      const client = await connect('subscriber')
      await client.subscribe({ topic: `a/${filter}`, qos: 0 })
      for (const topic of spellings) await publishText(publisher, `a/${topic}`, topic)
      assert.deepEqual(await receiveTexts(client), [filter])
    }
  },
)
