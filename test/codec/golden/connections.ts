/**
 * Golden bytes of the packets that open, keep and end a connection.
 */

import { hex } from '../support.js'
import { ALL, each, type Golden, text, V3 } from './row.js'

export const CONNECTS: Golden[] = [
  {
    name: 'CONNECT of 3.1',
    version: 3,
    side: 'broker',
    bytes: hex(`
      10 0f             # CONNECT, 15 bytes
      00 06 'MQIsdp' 03 # protocol name, level 3
      02                # clean session
      00 3c             # keep alive 60
      00 01 'c'         # client identifier
    `),
    packet: { cmd: 'connect', protocolId: 'MQIsdp', protocolVersion: 3, clean: true, keepalive: 60, clientId: 'c' },
  },
  {
    name: 'CONNECT of a 3.1 bridge',
    version: 3,
    side: 'broker',
    bytes: hex("10 0f 00 06 'MQIsdp' 83 00 00 3c 00 01 'c'"),
    packet: {
      cmd: 'connect',
      protocolId: 'MQIsdp',
      protocolVersion: 3,
      bridgeMode: true,
      clean: false,
      keepalive: 60,
      clientId: 'c',
    },
  },
  {
    name: 'CONNECT of a 3.1.1 bridge, empty client identifier',
    version: 4,
    side: 'broker',
    bytes: hex("10 0c 00 04 'MQTT' 84 02 00 00 00 00"),
    packet: {
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      bridgeMode: true,
      clean: true,
      keepalive: 0,
      clientId: '',
    },
  },
  {
    name: 'CONNECT of 3.1.1 with will, user name and password',
    version: 4,
    side: 'broker',
    bytes: hex(`
      10 1e           # CONNECT, 30 bytes
      00 04 'MQTT' 04 # protocol name, level 4
      ee              # user name, password, will retain, will QoS 1, will, clean session
      ff ff           # keep alive 65535
      00 02 'id'      # client identifier
      00 03 'w/t'     # will topic
      00 02 00 ff     # will payload
      00 01 'u'       # user name
      00 02 01 80     # password
    `),
    packet: {
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clean: true,
      keepalive: 65_535,
      clientId: 'id',
      will: { topic: 'w/t', payload: Buffer.from([0, 0xff]), qos: 1, retain: true },
      username: 'u',
      password: Buffer.from([1, 0x80]),
    },
  },
  {
    name: 'CONNECT of 5.0, as short as can be',
    version: 5,
    side: 'broker',
    bytes: hex("10 0d 00 04 'MQTT' 05 00 00 00 00 00 00"),
    packet: { cmd: 'connect', protocolId: 'MQTT', protocolVersion: 5, clean: false, keepalive: 0, clientId: '' },
  },
  {
    name: 'CONNECT of 5.0, password without user name',
    version: 5,
    side: 'broker',
    bytes: hex("10 10 00 04 'MQTT' 05 42 00 00 00 00 00 00 01 'p'"),
    packet: {
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 5,
      clean: true,
      keepalive: 0,
      clientId: '',
      password: text('p'),
    },
  },
  {
    name: 'CONNECT of 5.0 with every property',
    version: 5,
    side: 'broker',
    bytes: hex(`
      10 71                 # CONNECT, 113 bytes
      00 04 'MQTT' 05       # protocol name, level 5
      f6                    # user name, password, will retain, will QoS 2, will, clean start
      00 0a                 # keep alive 10
      2d                    # 45 bytes of properties
      11 ff ff ff ff        # session expiry interval
      21 00 14              # receive maximum 20
      27 00 01 00 00        # maximum packet size 65536
      22 00 0a              # topic alias maximum 10
      19 01                 # request response information
      17 00                 # request problem information
      26 00 01 'a' 00 02 'b1'
      26 00 01 'a' 00 00
      15 00 03 'SCR'        # authentication method
      16 00 02 01 02        # authentication data
      00 02 'id'            # client identifier
      29                    # 41 bytes of will properties
      18 00 00 00 05        # will delay interval
      01 01                 # payload format indicator
      02 00 00 00 3c        # message expiry interval
      03 00 0a 'text/plain' # content type
      08 00 01 'r'          # response topic
      09 00 02 'cd'         # correlation data
      26 00 01 'k' 00 01 'v'
      00 01 'w'             # will topic
      00 00                 # will payload
      00 01 'u'             # user name
      00 01 'p'             # password
    `),
    packet: {
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 5,
      clean: true,
      keepalive: 10,
      properties: {
        sessionExpiryInterval: 0xffff_ffff,
        receiveMaximum: 20,
        maximumPacketSize: 65_536,
        topicAliasMaximum: 10,
        requestResponseInformation: true,
        requestProblemInformation: false,
        userProperties: { a: ['b1', ''] },
        authenticationMethod: 'SCR',
        authenticationData: Buffer.from([1, 2]),
      },
      clientId: 'id',
      will: {
        topic: 'w',
        payload: Buffer.alloc(0),
        qos: 2,
        retain: true,
        properties: {
          willDelayInterval: 5,
          payloadFormatIndicator: true,
          messageExpiryInterval: 60,
          contentType: 'text/plain',
          responseTopic: 'r',
          correlationData: text('cd'),
          userProperties: { k: 'v' },
        },
      },
      username: 'u',
      password: text('p'),
    },
  },
]

export const CONNACKS: Golden[] = [
  ...each(V3, {
    name: 'CONNACK with session present',
    side: 'client',
    bytes: hex('20 02 01 00'),
    packet: { cmd: 'connack', sessionPresent: true, returnCode: 0 },
  }),
  ...each(V3, {
    name: 'CONNACK that refuses',
    side: 'client',
    bytes: hex('20 02 00 05'),
    packet: { cmd: 'connack', sessionPresent: false, returnCode: 5 },
  }),
  {
    name: 'CONNACK of 5.0 that refuses',
    version: 5,
    side: 'client',
    bytes: hex('20 03 00 87 00'),
    packet: { cmd: 'connack', sessionPresent: false, reasonCode: 0x87 },
  },
  {
    name: 'CONNACK of 5.0 with every property',
    version: 5,
    side: 'client',
    bytes: hex(`
      20 3e          # CONNACK, 62 bytes
      01 00          # session present, success
      3b             # 59 bytes of properties
      11 00 00 00 0a # session expiry interval
      21 ff ff       # receive maximum
      24 01          # maximum QoS
      25 00          # retain available
      27 0f ff ff ff # maximum packet size
      12 00 02 'id'  # assigned client identifier
      22 00 05       # topic alias maximum
      1f 00 02 'ok'  # reason string
      26 00 00 00 00 # user property, both empty
      28 01 29 01 2a 00
      13 00 1e       # server keep alive
      1a 00 01 'i'   # response information
      1c 00 01 's'   # server reference
      15 00 01 'm'   # authentication method
      16 00 00       # authentication data
    `),
    packet: {
      cmd: 'connack',
      sessionPresent: true,
      reasonCode: 0,
      properties: {
        sessionExpiryInterval: 10,
        receiveMaximum: 65_535,
        maximumQoS: 1,
        retainAvailable: false,
        maximumPacketSize: 0x0fff_ffff,
        assignedClientIdentifier: 'id',
        topicAliasMaximum: 5,
        reasonString: 'ok',
        userProperties: { '': '' },
        wildcardSubscriptionAvailable: true,
        subscriptionIdentifiersAvailable: true,
        sharedSubscriptionAvailable: false,
        serverKeepAlive: 30,
        responseInformation: 'i',
        serverReference: 's',
        authenticationMethod: 'm',
        authenticationData: Buffer.alloc(0),
      },
    },
  },
]

export const PINGS: Golden[] = [
  ...each(ALL, { name: 'PINGREQ', side: 'broker', bytes: hex('c0 00'), packet: { cmd: 'pingreq' } }),
  ...each(ALL, { name: 'PINGRESP', side: 'client', bytes: hex('d0 00'), packet: { cmd: 'pingresp' } }),
]

export const ENDS: Golden[] = [
  ...each(V3, { name: 'DISCONNECT', side: 'broker', bytes: hex('e0 00'), packet: { cmd: 'disconnect' } }),
  {
    name: 'DISCONNECT of 5.0, normal',
    version: 5,
    side: 'broker',
    bytes: hex('e0 00'),
    packet: { cmd: 'disconnect', reasonCode: 0 },
  },
  {
    name: 'DISCONNECT of 5.0 with reason code',
    version: 5,
    side: 'broker',
    bytes: hex('e0 01 04'),
    packet: { cmd: 'disconnect', reasonCode: 4 },
  },
  {
    name: 'DISCONNECT of 5.0 from a client with properties',
    version: 5,
    side: 'broker',
    bytes: hex("e0 0b 00 09 11 00 00 00 00 1f 00 01 'r'"),
    packet: { cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 0, reasonString: 'r' } },
  },
  {
    name: 'DISCONNECT of 5.0 from a broker with properties',
    version: 5,
    side: 'client',
    bytes: hex("e0 06 9d 04 1c 00 01 's'"),
    packet: { cmd: 'disconnect', reasonCode: 0x9d, properties: { serverReference: 's' } },
  },
  {
    name: 'AUTH from a client',
    version: 5,
    side: 'broker',
    bytes: hex("f0 0a 19 08 15 00 01 'm' 16 00 01 ff"),
    packet: {
      cmd: 'auth',
      reasonCode: 0x19,
      properties: { authenticationMethod: 'm', authenticationData: Buffer.from([0xff]) },
    },
  },
  {
    name: 'AUTH from a broker, the short form',
    version: 5,
    side: 'client',
    bytes: hex('f0 00'),
    packet: { cmd: 'auth', reasonCode: 0 },
  },
]
