/** Strings, lengths, flags and packet identifiers on the wire, in both directions. */
import assert from 'node:assert/strict'
import type { ProtocolVersion } from '../../../types/message/packets.js'
import {
  connectBytes,
  hexField,
  packetBytes,
  propertiesOf,
  recordBytes,
  refuse,
  textField,
} from '../../support/bytes.js'
import { spec } from '../../support/spec.js'

const ALL: readonly ProtocolVersion[] = [3, 4, 5]

/** A place for a string in a client's packet, and a packet with a string there. */
const PLACES: readonly [where: string, packet: (version: ProtocolVersion, field: string) => string][] = [
  ['the topic of PUBLISH', (version, field) => packetBytes(0x30, field, propertiesOf(version))],
  ['a filter of SUBSCRIBE', (version, field) => packetBytes(0x82, '0001', propertiesOf(version), field, '00')],
  ['a filter of UNSUBSCRIBE', (version, field) => packetBytes(0xa2, '0001', propertiesOf(version), field)],
]
const NOT_UTF8: readonly [what: string, bytes: string][] = [
  ['a surrogate (U+D800)', '61 ed a0 80'],
  ['a surrogate (U+DFFF)', 'ed bf bf'],
  ['an overlong encoding', 'c1 81'],
  ['a truncated character', '61 e2 82'],
  ['a byte that is no UTF-8', 'ff'],
  ['a code point above U+10FFFF', 'f4 90 80 80'],
]
const ZERO: readonly [what: string, bytes: string][] = [
  ['U+0000', '61 00 62'],
  ['U+0000 alone', '00'],
]

function endsConnection(title: string, packet: (version: ProtocolVersion, field: string) => string, bytes: string) {
  spec(`${title} ends the connection`, ALL, async ({ version, connect }) => {
    const client = await connect('client')
    client.sendBytes(packet(version, hexField(bytes)))
    await client.expectDisconnect(0x81)
  })
}
for (const [where, packet] of PLACES) {
  for (const [what, bytes] of NOT_UTF8) {
    endsConnection(`[3.1.1 MQTT-1.5.3-1] [5.0 MQTT-1.5.4-1] ${what} in ${where}`, packet, bytes)
  }
  for (const [what, bytes] of ZERO) {
    endsConnection(`[3.1.1 MQTT-1.5.3-2] [5.0 MQTT-1.5.4-2] ${what} in ${where}`, packet, bytes)
  }
}

spec('[3.1.1 MQTT-1.5.3-1] [5.0 MQTT-1.5.4-1] a client identifier that is not UTF-8 is refused', ALL, async tools => {
  for (const [, bytes] of NOT_UTF8) {
    await refuse(tools.dial(), connectBytes(tools.version, { payload: [hexField(bytes)] }), 0x81)
  }
})

spec('[3.1.1 MQTT-1.5.3-2] [5.0 MQTT-1.5.4-2] U+0000 in a string of CONNECT is refused', ALL, async tools => {
  for (const [, bytes] of ZERO) {
    await refuse(tools.dial(), connectBytes(tools.version, { payload: [hexField(bytes)] }), 0x81)
    const payload = [textField('id'), hexField(bytes)]
    await refuse(tools.dial(), connectBytes(tools.version, { flags: 0x82, payload }), 0x81)
  }
})

spec(
  '[3.1.1 MQTT-1.5.3-3] [5.0 MQTT-1.5.4-3] EF BB BF is kept as the character U+FEFF, wherever it occurs',
  ALL,
  async ({ connect }) => {
    const client = await connect('client')
    await client.subscribe({ topic: '\ufeffa', qos: 0 }, { topic: 'b\ufeff', qos: 0 })
    const bytes = recordBytes(client)
    for (const topic of ['\ufeffa', 'a', 'b\ufeff', 'b']) await client.publish({ topic, payload: topic })
    assert.equal((await client.expect('publish')).topic, '\ufeffa')
    assert.equal((await client.expect('publish')).topic, 'b\ufeff')
    await client.expectNothing()
    assert.match(bytes.take(), /0004efbbbf61.*000462efbbbf/)
  },
)

spec(
  'control characters, non-characters and characters of all planes are passed on unchanged',
  ALL,
  async ({ connect }) => {
    const client = await connect('client')
    const topic = 'a\u0001\u001f\u007f\u009f\ufffe\ufdd0😀\u{10ffff}'
    await client.subscribe({ topic, qos: 0 })
    await client.publish({ topic })
    assert.equal((await client.expect('publish')).topic, topic)
  },
)

spec(
  '[5.0 MQTT-1.5.7-1] a User Property whose name or value is not UTF-8 or contains U+0000 is malformed',
  [5],
  async ({ connect }) => {
    for (const pair of [
      [hexField('ff'), textField('v')],
      [textField('k'), hexField('ed a0 80')],
      [hexField('00'), textField('v')],
      [textField('k'), hexField('61 00')],
    ]) {
      const client = await connect('client')
      client.sendBytes(packetBytes(0x30, textField('a'), propertiesOf(5, `26 ${pair.join(' ')}`)))
      await client.expectDisconnect(0x81)
    }
  },
)

spec('[5.0 MQTT-1.5.5-1] a Variable Byte Integer with unnecessary bytes is malformed', [5], async ({ connect }) => {
  const wrong = [
    'c0 80 00', // remaining length 0 in two bytes
    '30 85 80 00 0001 61 00 62', // 5 in three
    '30 ff ff ff ff', // more than four bytes
    packetBytes(0x30, textField('a'), '80 00'), // property length 0 in two
    packetBytes(0x82, '0001', '03 0b 81 00', textField('a'), '00'), // subscription identifier 1 in two
  ]
  for (const bytes of wrong) {
    const client = await connect('client')
    client.sendBytes(bytes)
    await client.expectDisconnect(0x81)
  }
})

spec('before 5.0 a length may take more bytes than it needs', [3, 4], async ({ connect }) => {
  const client = await connect('client')
  client.sendBytes('c0 80 80 00')
  await client.expect('pingresp')
})

spec('[5.0 MQTT-1.5.5-1] the broker encodes lengths in as few bytes as possible', [5], async ({ connect }) => {
  const client = await connect('client')
  await client.subscribe({ topic: 'a', qos: 0 })
  for (const [payload, length] of [
    [123, '7f'],
    [124, '8001'],
    [16_379, 'ff7f'],
    [16_380, '808001'],
  ] as const) {
    const bytes = recordBytes(client)
    await client.publish({ topic: 'a', payload: Buffer.alloc(payload) })
    await client.expect('publish')
    assert.ok(bytes.take().startsWith(`30${length}000161`))
  }
})

// packet type -> a packet of it, without flags
const RESERVED_FLAGS: readonly [name: string, first: number, rest: (version: ProtocolVersion) => string][] = [
  ['PUBACK', 0x40, () => '0007'],
  ['PUBREC', 0x50, () => '0007'],
  ['PUBREL', 0x62, () => '0007'],
  ['PUBCOMP', 0x70, () => '0007'],
  ['SUBSCRIBE', 0x82, version => `0001 ${propertiesOf(version)} ${textField('a')} 00`],
  ['UNSUBSCRIBE', 0xa2, version => `0001 ${propertiesOf(version)} ${textField('a')}`],
  ['PINGREQ', 0xc0, () => ''],
  ['DISCONNECT', 0xe0, () => ''],
]
for (const [name, first, rest] of RESERVED_FLAGS) {
  spec(
    `[3.1.1 MQTT-2.2.2-1] [3.1.1 MQTT-2.2.2-2] [5.0 MQTT-2.1.3-1] wrong flags in ${name} end the connection`,
    [4, 5],
    async ({ version, connect }) => {
      for (let flags = 0; flags < 16; flags++) {
        if (flags === (first & 0x0f)) continue
        const client = await connect('client')
        client.sendBytes(packetBytes((first & 0xf0) | flags, rest(version)))
        await client.expectDisconnect(0x81)
      }
    },
  )
}

spec(
  '[3.1.1 MQTT-2.2.2-2] [5.0 MQTT-2.1.3-1] flags in the fixed header of CONNECT close the connection',
  ALL,
  async ({ version, dial }) => {
    for (let flags = 1; flags < 16; flags++) {
      const client = dial()
      client.sendBytes(connectBytes(version).replace(/^10/, `1${flags.toString(16)}`))
      const packets = await client.closed()
      assert.ok(packets.every(packet => packet.cmd === 'connack' && packet.reasonCode === 0x81))
    }
  },
)

for (const [first, name] of [
  [0x00, 'packet type 0'],
  [0x20, 'CONNACK'],
  [0x90, 'SUBACK'],
  [0xb0, 'UNSUBACK'],
  [0xd0, 'PINGRESP'],
] as const) {
  spec(`[5.0 MQTT-4.13.1-1] ${name} from a client ends the connection`, ALL, async ({ version, connect }) => {
    const client = await connect('client')
    client.sendBytes(packetBytes(first, ''))
    const last = (await client.closed()).at(-1)
    if (version !== 5) assert.equal(last, undefined)
    else assert.ok(last?.cmd === 'disconnect' && [0x81, 0x82].includes(last.reasonCode!), JSON.stringify(last))
  })
}

spec('AUTH before 5.0 is an unknown packet type', [3, 4], async ({ connect }) => {
  const client = await connect('client')
  client.sendBytes('f0 00')
  assert.deepEqual(await client.closed(), [])
})
