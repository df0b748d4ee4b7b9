/**
 * Golden bytes of messages, their acknowledgements and subscriptions.
 */

import { hex } from '../support.js'
import { each, type Golden, text, V3 } from './row.js'

export const PUBLISHES: Golden[] = (['broker', 'client'] as const).flatMap(
  side =>
    [
      ...each(V3, {
        name: 'PUBLISH, QoS 0, retained',
        side,
        bytes: hex("31 07 00 03 'a/b' 'hi'"),
        packet: { cmd: 'publish', topic: 'a/b', payload: text('hi'), qos: 0, dup: false, retain: true },
      }),
      ...each(V3, {
        name: 'PUBLISH, QoS 1, again, empty payload',
        side,
        bytes: hex("3a 05 00 01 'a' 00 01"),
        packet: { cmd: 'publish', topic: 'a', payload: text(''), qos: 1, dup: true, retain: false, messageId: 1 },
      }),
      ...each(V3, {
        name: 'PUBLISH, QoS 2',
        side,
        bytes: hex("34 09 00 04 '/a//' ff ff 00"),
        packet: {
          cmd: 'publish',
          topic: '/a//',
          payload: Buffer.from([0]),
          qos: 2,
          dup: false,
          retain: false,
          messageId: 65_535,
        },
      }),
      ...each(V3, {
        name: 'PUBLISH with a remaining length of two bytes and a topic beyond ASCII',
        side,
        bytes: Buffer.concat([hex('30 ce 01 00 04 e2 82 ac'), text('\x7f'), Buffer.alloc(200, 'p')]),
        packet: { cmd: 'publish', topic: '€\x7f', payload: Buffer.alloc(200, 'p'), qos: 0, dup: false, retain: false },
      }),
      {
        name: 'PUBLISH of 5.0 without properties',
        version: 5 as const,
        side,
        bytes: hex("30 05 00 01 'a' 00 'x'"),
        packet: { cmd: 'publish', topic: 'a', payload: text('x'), qos: 0, dup: false, retain: false },
      },
      {
        name: 'PUBLISH of 5.0 by alias alone',
        version: 5 as const,
        side,
        bytes: hex("32 09 00 00 00 07 03 23 00 01 'x'"),
        packet: {
          cmd: 'publish',
          topic: '',
          payload: text('x'),
          qos: 1,
          dup: false,
          retain: false,
          messageId: 7,
          properties: { topicAlias: 1 },
        },
      },
      {
        name: 'PUBLISH of 5.0 with every property of a client',
        version: 5 as const,
        side,
        bytes: hex(`
      3d 28          # PUBLISH, DUP, QoS 2, RETAIN, 40 bytes
      00 01 't'      # topic name
      01 00          # packet identifier 256
      20             # 32 bytes of properties
      01 00          # payload format indicator
      02 00 00 00 01 # message expiry interval
      23 ff ff       # topic alias
      08 00 01 'r'   # response topic
      09 00 01 00    # correlation data
      26 00 02 'k1' 00 02 'v1'
      03 00 02 'ct'  # content type
      '{}'           # payload
    `),
        packet: {
          cmd: 'publish',
          topic: 't',
          payload: text('{}'),
          qos: 2,
          dup: true,
          retain: true,
          messageId: 256,
          properties: {
            payloadFormatIndicator: false,
            messageExpiryInterval: 1,
            topicAlias: 65_535,
            responseTopic: 'r',
            correlationData: Buffer.from([0]),
            userProperties: { k1: 'v1' },
            contentType: 'ct',
          },
        },
      },
    ] satisfies Golden[],
)

export const SUBSCRIPTION_IDENTIFIERS: Golden[] = [
  {
    name: 'PUBLISH of 5.0 with one subscription identifier',
    version: 5,
    side: 'client',
    bytes: hex("30 06 00 01 'a' 02 0b 01"),
    packet: {
      cmd: 'publish',
      topic: 'a',
      payload: text(''),
      qos: 0,
      dup: false,
      retain: false,
      properties: { subscriptionIdentifier: 1 },
    },
  },
  {
    name: 'PUBLISH of 5.0 with several subscription identifiers of all lengths',
    version: 5,
    side: 'client',
    bytes: hex("30 12 00 01 'a' 0e 0b 7f 0b 80 01 0b ff ff 7f 0b ff ff ff 7f"),
    packet: {
      cmd: 'publish',
      topic: 'a',
      payload: text(''),
      qos: 0,
      dup: false,
      retain: false,
      properties: { subscriptionIdentifier: [127, 128, 2_097_151, 268_435_455] },
    },
  },
]

const PUBLISH_ANSWERS = [
  ['puback', '40', '97'],
  ['pubrec', '50', '10'],
  ['pubrel', '62', '92'],
  ['pubcomp', '70', '92'],
] as const

export const ANSWERS: Golden[] = PUBLISH_ANSWERS.flatMap(([cmd, first, code]) =>
  (['broker', 'client'] as const).flatMap(side => [
    ...each(V3, { name: cmd.toUpperCase(), side, bytes: hex(`${first} 02 12 34`), packet: { cmd, messageId: 0x1234 } }),
    {
      name: `${cmd.toUpperCase()} of 5.0, success`,
      version: 5 as const,
      side,
      bytes: hex(`${first} 02 00 01`),
      packet: { cmd, messageId: 1, reasonCode: 0 },
    },
    {
      name: `${cmd.toUpperCase()} of 5.0, success spelt out`,
      version: 5 as const,
      side,
      bytes: hex(`${first} 04 00 01 00 00`),
      packet: { cmd, messageId: 1, reasonCode: 0 },
      encodes: 'to a shorter form' as const,
    },
    {
      name: `${cmd.toUpperCase()} of 5.0 with reason code`,
      version: 5 as const,
      side,
      bytes: hex(`${first} 03 00 01 ${code}`),
      packet: { cmd, messageId: 1, reasonCode: Number.parseInt(code, 16) },
    },
    {
      name: `${cmd.toUpperCase()} of 5.0 with properties`,
      version: 5 as const,
      side,
      bytes: hex(`${first} 0f 00 01 00 0b 1f 00 01 'r' 26 00 01 'k' 00 01 'v'`),
      packet: {
        cmd,
        messageId: 1,
        reasonCode: 0,
        properties: { reasonString: 'r', userProperties: { k: 'v' } },
      },
    },
  ]),
)

export const SUBSCRIBES: Golden[] = [
  ...each(V3, {
    name: 'SUBSCRIBE',
    side: 'broker',
    bytes: hex("82 10 00 0a 00 03 'a/b' 00 00 01 '#' 01 00 01 '+' 02"),
    packet: {
      cmd: 'subscribe',
      messageId: 10,
      subscriptions: [
        { topic: 'a/b', qos: 0 },
        { topic: '#', qos: 1 },
        { topic: '+', qos: 2 },
      ],
    },
  }),
  {
    name: 'SUBSCRIBE of 5.0',
    version: 5,
    side: 'broker',
    bytes: hex(`
      82 21                 # SUBSCRIBE, 33 bytes
      00 0a                 # packet identifier
      09                    # 9 bytes of properties
      0b 01                 # subscription identifier
      26 00 01 'k' 00 01 'v'
      00 01 'a' 00          # nothing set
      00 01 'b' 2e          # QoS 2, No Local, Retain As Published, Retain Handling 2
      00 0a '$share/g/+' 11 # QoS 1, Retain Handling 1
    `),
    packet: {
      cmd: 'subscribe',
      messageId: 10,
      properties: { subscriptionIdentifier: 1, userProperties: { k: 'v' } },
      subscriptions: [
        { topic: 'a', qos: 0, nl: false, rap: false, rh: 0 },
        { topic: 'b', qos: 2, nl: true, rap: true, rh: 2 },
        { topic: '$share/g/+', qos: 1, nl: false, rap: false, rh: 1 },
      ],
    },
  },
  ...each(V3, {
    name: 'UNSUBSCRIBE',
    side: 'broker',
    bytes: hex("a2 09 00 0a 00 01 'a' 00 02 '/#'"),
    packet: { cmd: 'unsubscribe', messageId: 10, unsubscriptions: ['a', '/#'] },
  }),
  {
    name: 'UNSUBSCRIBE of 5.0',
    version: 5,
    side: 'broker',
    bytes: hex("a2 0d 00 0a 07 26 00 01 'k' 00 01 'v' 00 01 'a'"),
    packet: {
      cmd: 'unsubscribe',
      messageId: 10,
      properties: { userProperties: { k: 'v' } },
      unsubscriptions: ['a'],
    },
  },
  ...each(V3, {
    name: 'SUBACK',
    side: 'client',
    bytes: hex('90 06 00 0a 00 01 02 80'),
    packet: { cmd: 'suback', messageId: 10, granted: [0, 1, 2, 0x80] },
  }),
  {
    name: 'SUBACK of 5.0',
    version: 5,
    side: 'client',
    bytes: hex("90 0a 00 0a 04 1f 00 01 'r' 02 a2 8f"),
    packet: { cmd: 'suback', messageId: 10, properties: { reasonString: 'r' }, granted: [2, 0xa2, 0x8f] },
  },
  ...each(V3, {
    name: 'UNSUBACK',
    side: 'client',
    bytes: hex('b0 02 00 0a'),
    packet: { cmd: 'unsuback', messageId: 10, granted: [] },
  }),
  {
    name: 'UNSUBACK of 5.0',
    version: 5,
    side: 'client',
    bytes: hex('b0 05 00 0a 00 00 11'),
    packet: { cmd: 'unsuback', messageId: 10, granted: [0, 0x11] },
  },
]
