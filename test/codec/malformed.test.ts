/** Packets that violate the standard, and the decoder's error: one row per violation. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PacketType } from '../../lib/codec/packet-types.js'
import type { ErrorCode } from '../../lib/errors.js'
import type { ProtocolVersion } from '../../types/message/packets.js'
import { byteByByte, decodeAll, decodeChunks, hex, packetOf, type Side } from './support.js'

type Row = [title: string, bytes: Buffer, code?: ErrorCode, reasonCode?: number]

const MALFORMED = 0x81
const PROTOCOL_ERROR = 0x82
const protocol = ['ANAX_ERR_PROTOCOL', PROTOCOL_ERROR] as const

/** A CONNECT from its flags and payload; `properties` are those of 5.0, with their length. */
function connect(version: ProtocolVersion, flags: string, payload: string, properties = '00'): Buffer {
  if (version === 3) return packetOf(0x10, `00 06 'MQIsdp' 03 ${flags} 00 3c ${payload}`)
  return packetOf(0x10, `00 04 'MQTT' 0${version} ${flags} 00 3c ${version === 5 ? properties : ''} ${payload}`)
}

const will = "00 01 'w' 00 01 'p'"

/** Rows for 3.1, 3.1.1 and 5.0, which differ only in the list of properties. */
function common(version: ProtocolVersion): Row[] {
  const p = version === 5 ? '00' : ''
  const publish = (topic: string) => packetOf(0x30, `${topic} ${p} 'x'`)
  const subscribe = (filter: string) => packetOf(0x82, `00 01 ${p} ${filter}`)
  const unsubscribe = (filter: string) => packetOf(0xa2, `00 01 ${p} ${filter}`)
  return [
    ['packet type 0', hex('00 00')],
    [`${tag(version, '2.2.2-1 2.2.2-2', '2.1.3-1')} PINGREQ with flags`, hex('c1 00')],
    [`${tag(version, '2.2.2-1 2.2.2-2', '2.1.3-1')} PUBACK with flags`, hex('42 02 00 01')],
    [
      `${tag(version, '2.2.2-1 2.2.2-2', '2.1.3-1')} CONNECT with flags`,
      Buffer.concat([hex('11'), connect(version, '02', '00 00').subarray(1)]),
    ],
    [`${tag(version, '3.6.1-1', '3.6.1-1')} PUBREL without its flags`, hex('60 02 00 01')],
    [`${tag(version, '3.8.1-1', '3.8.1-1')} SUBSCRIBE without its flags`, hex("80 06 00 01 00 01 'a' 00")],
    [`${tag(version, '3.10.1-1', '3.10.1-1')} UNSUBSCRIBE without its flags`, hex("a0 05 00 01 00 01 'a'")],
    [`${tag(version, '3.14.1-1', '3.14.1-1')} DISCONNECT with flags`, hex('e1 00')],
    ['remaining length of five bytes', hex('30 ff ff ff ff 01')],
    ['PINGREQ with content', hex('c0 01 00')],
    ['PUBACK that ends within the packet identifier', hex('40 01 00')],
    [`${tag(version, '3.3.1-4', '3.3.1-4')} PUBLISH with QoS 3`, packetOf(0x36, "00 01 'a' 00 01")],
    [`${tag(version, '3.3.1-2', '3.3.1-2')} PUBLISH with DUP and QoS 0`, packetOf(0x38, "00 01 'a'")],
    ['PUBLISH that ends within the topic', packetOf(0x30, "00 05 'a'")],
    ['PUBLISH without content', hex('30 00')],
    [
      `${tag(version, '2.3.1-1', '2.2.1-3')} PUBLISH with packet identifier 0`,
      packetOf(0x32, `00 01 'a' 00 00 ${p}`),
      ...protocol,
    ],
    [
      `${tag(version, '2.3.1-1', '2.2.1-3')} SUBSCRIBE with packet identifier 0`,
      packetOf(0x82, `00 00 ${p} 00 01 'a' 00`),
      ...protocol,
    ],
    [
      `${tag(version, '2.3.1-1', '2.2.1-3')} UNSUBSCRIBE with packet identifier 0`,
      packetOf(0xa2, `00 00 ${p} 00 01 'a'`),
      ...protocol,
    ],
    ['PUBREL with packet identifier 0', hex('62 02 00 00'), ...protocol],
    [
      `${tag(version, '3.3.2-2 4.7.1-1', '3.3.2-2 4.7.0-1')} PUBLISH to a topic with #`,
      publish("00 03 'a/#'"),
      'ANAX_ERR_TOPIC_NAME',
      0x90,
    ],
    [
      `${tag(version, '3.3.2-2 4.7.1-1', '3.3.2-2 4.7.0-1')} PUBLISH to a topic with +`,
      publish("00 03 '+/a'"),
      'ANAX_ERR_TOPIC_NAME',
      0x90,
    ],
    ...strings().flatMap(([what, bytes, tags]): Row[] => [
      [`${tag(version, tags[0], tags[1])} PUBLISH to a topic with ${what}`, publish(bytes)],
      [
        `${tag(version, `${tags[0]} 3.8.3-1`, `${tags[1]} 3.8.3-1`)} SUBSCRIBE to a filter with ${what}`,
        subscribe(`${bytes} 00`),
      ],
      [
        `${tag(version, `${tags[0]} 3.10.3-1`, `${tags[1]} 3.10.3-1`)} UNSUBSCRIBE from a filter with ${what}`,
        unsubscribe(bytes),
      ],
      [
        `${tag(version, `${tags[0]} 3.1.3-4`, `${tags[1]} 3.1.3-4`)} CONNECT with ${what} in the client identifier`,
        connect(version, '02', bytes),
      ],
      [
        `${tag(version, `${tags[0]} 3.1.3-10`, `${tags[1]} 3.1.3-11`)} CONNECT with ${what} in the will topic`,
        connect(version, '06', `00 01 'c' ${p} ${bytes} 00 00`),
      ],
      [
        `${tag(version, `${tags[0]} 3.1.3-11`, `${tags[1]} 3.1.3-12`)} CONNECT with ${what} in the user name`,
        connect(version, '82', `00 01 'c' ${bytes}`),
      ],
    ]),
    [`${tag(version, '4.7.3-2', '4.7.3-2')} PUBLISH to a topic with U+0000`, publish("00 03 'a' 00 'b'")],
    [`${tag(version, '4.7.3-2', '4.7.3-2')} SUBSCRIBE to a filter with U+0000`, subscribe("00 03 'a' 00 'b' 00")],
    [`${tag(version, '3.8.3-3', '3.8.3-2')} SUBSCRIBE without a filter`, subscribe(''), ...protocol],
    [`${tag(version, '3.10.3-2', '3.10.3-2')} UNSUBSCRIBE without a filter`, unsubscribe(''), ...protocol],
    ['SUBSCRIBE that ends before the options', subscribe("00 01 'a'")],
    [
      `${tag(version, '4.7.3-1', '4.7.3-1')} SUBSCRIBE to an empty filter`,
      subscribe('00 00 00'),
      'ANAX_ERR_TOPIC_FILTER',
    ],
    [
      `${tag(version, '4.7.3-1', '4.7.3-1')} UNSUBSCRIBE from an empty filter`,
      unsubscribe('00 00'),
      'ANAX_ERR_TOPIC_FILTER',
    ],
    [
      `${tag(version, '4.7.1-2', '4.7.1-1')} SUBSCRIBE to a filter that goes on behind #`,
      subscribe("00 03 '#/a' 00"),
      'ANAX_ERR_TOPIC_FILTER',
    ],
    [
      `${tag(version, '4.7.1-2', '4.7.1-1')} SUBSCRIBE to a filter with # within a level`,
      subscribe("00 02 'a#' 00"),
      'ANAX_ERR_TOPIC_FILTER',
    ],
    [
      `${tag(version, '4.7.1-3', '4.7.1-2')} SUBSCRIBE to a filter with + within a level`,
      subscribe("00 04 'a/b+' 00"),
      'ANAX_ERR_TOPIC_FILTER',
    ],
    ['CONNACK from a client', hex('20 02 00 00'), ...protocol],
    ['SUBACK from a client', hex('90 03 00 01 00'), ...protocol],
    ['UNSUBACK from a client', hex('b0 02 00 01'), ...protocol],
    ['PINGRESP from a client', hex('d0 00'), ...protocol],
    ...connectRows(version),
  ]
}

/** Invalid strings, with the clauses about them. */
function strings(): [what: string, bytes: string, tags: [string, string]][] {
  const form: [string, string] = ['1.5.3-1', '1.5.4-1']
  return [
    ['U+0000', "00 03 'a' 00 'b'", ['1.5.3-2', '1.5.4-2']],
    ['an overlong U+0000', '00 02 c0 80', form],
    ['an overlong slash', '00 03 e0 80 af', form],
    ['a high surrogate', '00 03 ed a0 80', form],
    ['a pair of surrogates', '00 06 ed a0 bd ed b2 a9', form],
    ['a code point above U+10FFFF', '00 04 f4 90 80 80', form],
    ['a lone continuation byte', "00 02 'a' bf", form],
    ['a sequence cut short', "00 03 'a' e2 82", form],
  ]
}

function connectRows(version: ProtocolVersion): Row[] {
  const willProperties = version === 5 ? '00' : ''
  return [
    [`${tag(version, '3.1.2-3', '3.1.2-3')} CONNECT with the reserved flag`, connect(version, '03', "00 01 'c'")],
    [
      `${tag(version, '3.1.2-14', '3.1.2-12')} CONNECT with will QoS 3`,
      connect(version, '1e', `00 01 'c' ${willProperties} ${will}`),
    ],
    [
      `${tag(version, '3.1.2-11 3.1.2-13', '3.1.2-11')} CONNECT with will QoS but no will`,
      connect(version, '0a', "00 01 'c'"),
    ],
    [
      `${tag(version, '3.1.2-11 3.1.2-15', '3.1.2-13')} CONNECT with will retain but no will`,
      connect(version, '22', "00 01 'c'"),
    ],
    [
      `${tag(version, '3.1.2-9', '3.1.2-9')} CONNECT with the will flag but no will topic`,
      connect(version, '06', "00 01 'c'"),
    ],
    [
      `${tag(version, '3.1.2-9', '3.1.2-9')} CONNECT with the will flag but no will payload`,
      connect(version, '06', `00 01 'c' ${willProperties} 00 01 'w'`),
    ],
    [
      `${tag(version, '3.1.2-19', '3.1.2-17')} CONNECT with the user name flag but no user name`,
      connect(version, '82', "00 01 'c'"),
    ],
    [
      `${tag(version, '3.1.2-21', '3.1.2-19')} CONNECT with the password flag but no password`,
      connect(version, 'c2', "00 01 'c' 00 01 'u'"),
    ],
    [
      `${tag(version, '3.1.2-18 3.1.3-1', '3.1.2-16 3.1.3-1')} CONNECT with a user name that has no flag`,
      connect(version, '02', "00 01 'c' 00 01 'u'"),
    ],
    [
      `${tag(version, '3.1.2-20 3.1.3-1', '3.1.2-18 3.1.3-1')} CONNECT with a password that has no flag`,
      connect(version, '82', "00 01 'c' 00 01 'u' 00 01 'p'"),
    ],
    [`${tag(version, '3.1.3-3', '3.1.3-3')} CONNECT without a client identifier`, connect(version, '02', '')],
    [
      'CONNECT with a wildcard in the will topic',
      connect(version, '06', `00 01 'c' ${willProperties} 00 01 '#' 00 00`),
      'ANAX_ERR_TOPIC_NAME',
      0x90,
    ],
    [
      'CONNECT with an empty will topic',
      connect(version, '06', `00 01 'c' ${willProperties} 00 00 00 00`),
      'ANAX_ERR_TOPIC_NAME',
      0x90,
    ],
  ]
}

const before5: Row[] = [
  ['[3.1.1 MQTT-4.7.3-1] PUBLISH to an empty topic', packetOf(0x30, "00 00 'x'"), 'ANAX_ERR_TOPIC_NAME', 0x90],
  ['[3.1.1 MQTT-3.8.3-4] SUBSCRIBE with QoS 3', packetOf(0x82, "00 01 00 01 'a' 03")],
  ['[3.1.1 MQTT-3.8.3-4] SUBSCRIBE with a reserved bit', packetOf(0x82, "00 01 00 01 'a' 04")],
  ['[3.1.1 MQTT-3.1.2-22] CONNECT with a password but no user name', connect(4, '42', "00 01 'c' 00 01 'p'")],
  ['PUBACK with a reason code', hex('40 03 00 01 00')],
  ['DISCONNECT with a reason code', hex('e0 01 00')],
  ['AUTH', hex("f0 06 18 04 15 00 01 'm'")],
]

const publish5 = (properties: string) => packetOf(0x30, `00 01 'a' ${properties}`)

const only5: Row[] = [
  ['[5.0 MQTT-4.7.3-1] PUBLISH with neither topic nor alias', packetOf(0x30, "00 00 00 'x'"), ...protocol],
  ['[5.0 MQTT-1.5.5-1] remaining length in more bytes than needed', hex("30 84 00 00 01 'a' 00")],
  [
    '[5.0 MQTT-1.5.5-1] remaining length of CONNECT in more bytes than needed',
    hex("10 8d 00 00 04 'MQTT' 05 00 00 00 00 00 00"),
  ],
  ['[5.0 MQTT-1.5.5-1] property length in more bytes than needed', publish5('80 00')],
  ['property length of five bytes', publish5('ff ff ff ff 01')],
  ['[5.0 MQTT-2.2.2-1] PUBLISH without property length', publish5('')],
  ['[5.0 MQTT-2.2.2-1] SUBSCRIBE without property length', packetOf(0x82, '00 01')],
  ['property length beyond the packet', publish5('05 01 00')],
  ['property that ends beyond the list', publish5("03 03 00 05 'abcde'")],
  ['property list that ends within an identifier', publish5('01 02')],
  ['unknown property', publish5('02 04 00')],
  ['property identifier of two bytes', publish5('02 80 01')],
  ['property of another packet', publish5('03 21 00 01')],
  ['will delay in CONNECT instead of the will', connect(5, '02', "00 01 'c'", '05 18 00 00 00 01')],
  ['receive maximum in the will', connect(5, '06', `00 01 'c' 03 21 00 01 ${will}`)],
  ['property of the broker in CONNECT', connect(5, '02', "00 01 'c'", '02 25 01')],
  ['content type twice', publish5("08 03 00 01 'a' 03 00 01 'b'"), ...protocol],
  ['payload format indicator twice, both 0', publish5('04 01 00 01 00'), ...protocol],
  ['payload format indicator 2', publish5('02 01 02'), ...protocol],
  ['[5.0 MQTT-3.3.2-8] topic alias 0', publish5('03 23 00 00'), 'ANAX_ERR_TOPIC_ALIAS', 0x94],
  ['[5.0 MQTT-3.3.4-6] subscription identifier from a client', publish5('02 0b 01'), ...protocol],
  ['[5.0 MQTT-3.3.2-14] wildcard in the response topic', publish5("06 08 00 03 'a/+'"), ...protocol],
  ['[5.0 MQTT-3.3.2-13] response topic with a surrogate', publish5('06 08 00 03 ed a0 80')],
  ['[5.0 MQTT-3.3.2-19] content type with U+0000', publish5('04 03 00 01 00')],
  ['[5.0 MQTT-1.5.7-1] user property name with U+0000', publish5("07 26 00 01 00 00 01 'v'")],
  ['[5.0 MQTT-1.5.7-1] user property value with a surrogate', publish5("09 26 00 01 'k' 00 03 ed a0 80")],
  ['user property without a value', publish5("04 26 00 01 'k'")],
  ['receive maximum 0', connect(5, '02', "00 01 'c'", '03 21 00 00'), ...protocol],
  ['maximum packet size 0', connect(5, '02', "00 01 'c'", '05 27 00 00 00 00'), ...protocol],
  ['request problem information 2', connect(5, '02', "00 01 'c'", '02 17 02'), ...protocol],
  ['authentication data without a method', connect(5, '02', "00 01 'c'", '03 16 00 00'), ...protocol],
  ['subscription identifier 0', packetOf(0x82, "00 01 02 0b 00 00 01 'a' 00"), ...protocol],
  ['two subscription identifiers in SUBSCRIBE', packetOf(0x82, "00 01 04 0b 01 0b 02 00 01 'a' 00"), ...protocol],
  ['SUBSCRIBE with QoS 3', packetOf(0x82, "00 01 00 00 01 'a' 03"), ...protocol],
  ['SUBSCRIBE with retain handling 3', packetOf(0x82, "00 01 00 00 01 'a' 30"), ...protocol],
  ['[5.0 MQTT-3.8.3-5] SUBSCRIBE with a reserved option', packetOf(0x82, "00 01 00 00 01 'a' 40")],
  ['[5.0 MQTT-3.8.3-5] SUBSCRIBE with the other reserved option', packetOf(0x82, "00 01 00 00 01 'a' 80")],
  [
    '[5.0 MQTT-4.8.2-1] shared filter with an empty share name',
    packetOf(0x82, "00 01 00 00 09 '$share//a' 00"),
    'ANAX_ERR_TOPIC_FILTER',
  ],
  [
    '[5.0 MQTT-4.8.2-2] shared filter with a wildcard in the share name',
    packetOf(0x82, "00 01 00 00 0b '$share/g+/a' 00"),
    'ANAX_ERR_TOPIC_FILTER',
  ],
  [
    '[5.0 MQTT-4.8.2-2] shared filter without a filter',
    packetOf(0x82, "00 01 00 00 08 '$share/g' 00"),
    'ANAX_ERR_TOPIC_FILTER',
  ],
  ['[5.0 MQTT-3.4.2-1] PUBACK with a reason code of another packet', hex('40 03 00 01 92'), ...protocol],
  ['[5.0 MQTT-3.5.2-1] PUBREC with a reason code of another packet', hex('50 03 00 01 01'), ...protocol],
  ['[5.0 MQTT-3.6.2-1] PUBREL with a reason code of another packet', hex('62 03 00 01 10'), ...protocol],
  ['[5.0 MQTT-3.7.2-1] PUBCOMP with a reason code of another packet', hex('70 03 00 01 80'), ...protocol],
  ['[5.0 MQTT-3.14.2-1] DISCONNECT with a reason code of the broker', hex('e0 01 8b'), ...protocol],
  ['[5.0 MQTT-3.14.2-1] DISCONNECT with a reason code of another packet', hex('e0 01 01'), ...protocol],
  ['server reference in DISCONNECT from a client', hex("e0 06 00 04 1c 00 01 's'"), ...protocol],
  ['DISCONNECT with bytes behind its properties', hex('e0 03 00 00 00')],
  ['[5.0 MQTT-3.15.1-1] AUTH with flags', hex("f2 06 18 04 15 00 01 'm'")],
  ['[5.0 MQTT-3.15.2-1] AUTH with a reason code of the broker', hex("f0 06 00 04 15 00 01 'm'"), ...protocol],
  ['[5.0 MQTT-3.15.2-1] AUTH of a client without a reason code, which means success', hex('f0 00'), ...protocol],
  ['AUTH without a method', hex('f0 02 18 00'), ...protocol],
  ['PUBACK with bytes behind its properties', hex('40 05 00 01 00 00 00')],
]

const versions: Row[] = [
  [
    '[3.1.1 MQTT-3.1.2-1] [5.0 MQTT-3.1.2-1] an unknown protocol name',
    packetOf(0x10, "00 04 'mqtt' 04 02 00 00 00 00"),
  ],
  ['[3.1.1 MQTT-3.1.2-2] [5.0 MQTT-3.1.2-2] level 6', packetOf(0x10, "00 04 'MQTT' 06 02 00 00 00 00")],
  [
    '[3.1.1 MQTT-3.1.2-2] [5.0 MQTT-3.1.2-2] level 3 under the name of 3.1.1',
    packetOf(0x10, "00 04 'MQTT' 03 02 00 00 00 00"),
  ],
  [
    '[3.1.1 MQTT-3.1.2-2] [5.0 MQTT-3.1.2-2] level 4 under the name of 3.1',
    packetOf(0x10, "00 06 'MQIsdp' 04 02 00 00 00 00"),
  ],
  ['a bridge of 5.0', packetOf(0x10, "00 04 'MQTT' 85 02 00 00 00 00 00")],
]

const fromBroker: Row[] = [
  ['SUBSCRIBE from a broker', packetOf(0x82, "00 01 00 00 01 'a' 00"), ...protocol],
  ['PINGREQ from a broker', hex('c0 00'), ...protocol],
  ['[5.0 MQTT-3.2.2-1] CONNACK with a reserved flag', hex('20 03 02 00 00')],
  ['[5.0 MQTT-3.2.2-8] CONNACK with a reason code of another packet', hex('20 03 00 10 00'), ...protocol],
  ['CONNACK with maximum QoS 2', hex('20 05 00 00 02 24 02'), ...protocol],
  ['[5.0 MQTT-3.9.3-2] SUBACK with a reason code of another packet', hex('90 04 00 01 00 11'), ...protocol],
  ['SUBACK without reason codes', hex('90 03 00 01 00'), ...protocol],
  ['[5.0 MQTT-3.11.3-2] UNSUBACK with a reason code of another packet', hex('b0 04 00 01 00 01'), ...protocol],
  ['[5.0 MQTT-3.14.2-2] session expiry in DISCONNECT from a broker', hex('e0 07 00 05 11 00 00 00 00'), ...protocol],
  ['[5.0 MQTT-3.14.2-1] DISCONNECT with a reason code of the client', hex('e0 01 04'), ...protocol],
  ['[5.0 MQTT-3.15.2-1] AUTH with a reason code of the client', hex("f0 06 19 04 15 00 01 'm'"), ...protocol],
  ['subscription identifier 0', publish5('02 0b 00'), ...protocol],
]

const fromBrokerBefore5: Row[] = [
  ['[3.1.1 MQTT-3.9.3-2] SUBACK with an unknown return code', hex('90 03 00 01 03'), ...protocol],
  ['CONNACK with an unknown return code', hex('20 02 00 06'), ...protocol],
  ['UNSUBACK with content', hex('b0 03 00 01 00')],
]

/** The clauses of the two standards that a row proves; those of 3.1.1 have no separate tag for 3.1. */
function tag(version: ProtocolVersion, ids3: string, ids5: string): string {
  if (version === 3) return ''
  const ids = (version === 4 ? ids3 : ids5).split(' ')
  return ids.map(id => `[${version === 4 ? '3.1.1' : '5.0'} MQTT-${id}]`).join(' ')
}

function table(title: string, rows: Row[], side: Side, version: ProtocolVersion): void {
  describe(title, () => {
    for (const [name, bytes, code = 'ANAX_ERR_MALFORMED', reasonCode = MALFORMED] of rows) {
      it(name.trim(), () => {
        // After a valid packet, which must not be lost
        const good = hex(side === 'broker' ? 'c0 00' : 'd0 00')
        for (const chunks of [[Buffer.concat([good, bytes])], byteByByte(Buffer.concat([good, bytes]))]) {
          const { packets, error, decoder } = decodeChunks(chunks, side, version)
          assert.equal(packets.length, 1)
          assert.equal(error?.code, code, error?.message)
          assert.equal(error?.reasonCode, reasonCode)
          assert.equal(error?.scope, 'connection')
          decoder.push(good)
          assert.equal(decoder.next(), undefined, 'the error is final')
          assert.equal(decoder.error, error)
        }
      })
    }
  })
}

table('from a client, 3.1', common(3), 'broker', 3)
table('from a client, 3.1.1', common(4), 'broker', 4)
table('from a client, 3.1.1 only', before5, 'broker', 4)
table('from a client, 5.0', common(5), 'broker', 5)
table('from a client, 5.0 only', only5, 'broker', 5)
const unsupported = versions.map(([title, bytes]): Row => [title, bytes, 'ANAX_ERR_PROTOCOL_VERSION', 0x84])
table('protocol versions', unsupported, 'broker', 4)
table('from a broker, 5.0', fromBroker, 'client', 5)
table('from a broker, 3.1.1', fromBrokerBefore5, 'client', 4)

describe('the version of a refusal', () => {
  const cases: [string, Buffer, ProtocolVersion][] = [
    ['3.1', connect(3, '03', ''), 3],
    ['3.1.1', connect(4, '03', ''), 4],
    ['5.0', connect(5, '03', ''), 5],
    ['level 9', packetOf(0x10, "00 04 'MQTT' 09"), 5],
    ['level 1', packetOf(0x10, "00 04 'MQTT' 01"), 4],
  ]
  for (const [name, bytes, version] of cases) {
    it(`is known after a CONNECT of ${name} that is wrong`, () => {
      const { error, decoder } = decodeAll(bytes, 'broker', 4)
      assert.notEqual(error, undefined)
      assert.equal(decoder.protocolVersion, version)
      assert.equal(decoder.packetType, PacketType.CONNECT)
    })
  }
})
