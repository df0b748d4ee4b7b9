/**
 * Published tests of Aedes that fail on `anax/aedes`, by reason. docs/test/migrating-from-aedes.md lists the reasons in
 * the same words; a test checks this. Data only.
 */

import type { Known } from './published-tests.js'

/**
 * Tests of Aedes 1.2 that may fail or pass, and are not counted. Both send 5 MB and more to a client that does not
 * read. How much of it waits in the broker depends on the size of the system's buffers.
 */
export const EITHER_WAY: Known = {
  'the buffers of the system': {
    'drain-timeout.js': [
      'E2E: drainTimeout disconnects slow client after TCP backpressure',
      'E2E: without drainTimeout, slow client impairs system throughput',
    ],
  },
}

/**
 * Tests of Aedes 1.2 that expect what the standard forbids: reason, in the words of the documentation -> file ->
 * titles.
 */
export const FORBIDDEN: Known = {
  'SUBACK has a code for each filter of SUBSCRIBE, including repeated ones': {
    'auth.js': [
      'authorize subscribe multiple same topics with same qos',
      'authorize subscribe multiple same topics with different qos',
    ],
    'prototype-keys.js': ['duplicate prototype-named topic in one SUBSCRIBE keeps the last qos'],
  },
  'A message that is sent again has DUP set': {
    'client-pub-sub.js': ['offline message support for direct publish'],
  },
  'A queued message is delivered without RETAIN': {
    'retain.js': [
      'disconnect and retain messages with QoS 1 [clean=false]',
      'disconnect and two retain messages with QoS 1 [clean=false]',
    ],
  },
  'If several filters of a client match, the message has their highest QoS': {
    'topics.js': [
      'deliver overlapped topics respecting the maximum QoS of all the matching subscriptions - QoS 2 publish',
    ],
  },
  'A session without subscriptions is also a session': {
    'qos1.js': ['remove stored subscriptions after unsubscribe'],
  },
  'A packet id of 0 ends the connection': {
    'basic.js': ['subscribe with messageId 0 should return suback'],
  },
  'Return codes are those of the standard': {
    'connect.js': [
      'reject client requested for unsupported protocol version',
      'reject clients that exceed the keepalive limit',
    ],
  },
}

/** The other tests of Aedes 1.2 that fail. */
export const KNOWN_DIFFERENCES: Known = {
  'The state of a clean session is not in the store': {
    'qos2.js': [
      'multiple publish and store one',
      'packet is written to stream after being stored',
      'not send pubrec when persistence fails to store packet',
    ],
  },
  'A will is deleted once its publication has finished': {
    'will.js': ['delete the will in the persistence after publish'],
  },
  'A will that cannot be published is refused with its CONNECT': {
    'topics.js': ['a Will with too many levels does not crash the broker'],
  },
  'A client that is connecting when the broker closes gets an answer': {
    'close_socket_by_other_party.js': ['aedes is closed before client authenticate returns'],
  },
  'The broker does not write to a connection that has ended': {
    'basic.js': ['does not die badly on connection error', 'clear drain'],
  },
  'Packets are answered in order, and at once': {
    'auth.js': ['failed authentication does not disconnect other client with same clientId'],
    'connect.js': ['reject second CONNECT Packet sent while first CONNECT still in preConnect stage'],
    'qos1.js': ['subscribe and publish QoS 1 in parallel'],
  },
  'The broker chooses the packet ids of the messages that it sends': {
    'auth.js': ['change a topic name inside authorizeForward method in QoS 1 mode'],
  },
  'The default export creates a broker': {
    'basic.js': ['test warning on default export'],
  },
  'An unknown protocol gets an answer': {
    'connect.js': ['reject clients with wrong protocol name'],
  },
  'A filter that `authorizeSubscribe` refused is not stored': {
    'auth.js': ['negate subscription with correct persistence'],
  },
}

/** The tests for MQTT 5.0 of the beta of Aedes 2.0. */
export const KNOWN_DIFFERENCES_2: Known = {
  'Shared subscriptions are available': {
    'mqtt5.js': [
      'MQTT 5.0 CONNACK advertises shared subscriptions as unavailable',
      'MQTT 5.0 $share subscribe is refused with 0x9E (shared subs unavailable)',
    ],
  },
  'A topic alias that was never defined is a protocol error': {
    'mqtt5.js': ['MQTT 5.0 publish with an unknown topic alias is rejected with DISCONNECT 0x94'],
  },
}
