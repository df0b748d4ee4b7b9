/**
 * Tests that Aedes was published with and that fail on `anax/aedes`, by the reason. Each reason stands, in these words,
 * in docs/migrating-from-aedes.md; a test looks. Data only.
 */

/** File -> tests. */
type Tests = Readonly<Record<string, readonly string[]>>

/** Tests of Aedes 1.2 that do not keep to its public interface: they are counted apart. What they use -> file -> tests. */
export const PRIVATE: Readonly<Record<string, Tests>> = {
  'a member that begins with `_`': {
    'basic.js': ['messageId shoud reset to 1 if it reached 65535', 'disconnect client on wrong cmd'],
    'client-queue.js': ['client queue limit emits connectionError when publish packets overflow queue'],
    'qos2.js': [
      'QoS 2 inbound: the cap holds against a pipelined flood in one chunk',
      'QoS 2 inbound: a DUP retransmission does not consume a second slot',
      'QoS 2 inbound: completing PUBREL frees the slot',
      'QoS 2 inbound: a failed incomingDelPacket keeps the slot and still owes PUBCOMP',
      'QoS 2 inbound: a duplicate PUBREL does not crash and does not free a slot twice',
      'QoS 2 inbound: maxInflightInbound 0 disables the cap',
    ],
  },
  'a module, or a method that no page describes': {
    'connect.js': ['connect handler calls done when preConnect throws error'],
    'drain-timeout.js': ['close() flushes pending drain callbacks with error'],
  },
  'how often the stream of a client emits `drain`, or is written to': {
    'basic.js': [
      'clear drain',
      'not duplicate client close when client error occurs',
      'not duplicate client close when double close() called',
    ],
  },
  'what a number that no page describes has counted': {
    'retain.js': [
      'new QoS 0 subscribers receive QoS 0 retained messages when clean',
      'new QoS 0 subscribers receive downgraded QoS 1 retained messages when clean',
    ],
  },
  'members that are for reading, set by the test': {
    'client-pub-sub.js': ['subscribe throws error when QoS > 0'],
    'events.js': ['clear closed clients when the same clientId is managed by another broker'],
    'qos1.js': ['publish QoS 1 throws error on write'],
    'qos2.js': ['publish QoS 2 throws error on write', 'publish QoS 2 returns error when broker.publish fails'],
  },
}

/**
 * Tests of Aedes 1.2 that may fail or pass, and are not counted: both send 5 MB and more to a client that does not read,
 * and look at what comes of it. How much of it waits in the broker depends on what the system's buffers take.
 */
export const EITHER_WAY: Readonly<Record<string, Tests>> = {
  'the buffers of the system': {
    'drain-timeout.js': [
      'E2E: drainTimeout disconnects slow client after TCP backpressure',
      'E2E: without drainTimeout, slow client impairs system throughput',
    ],
  },
}

/** The other tests of Aedes 1.2. Reason, as the documentation has it -> file -> tests. */
export const KNOWN_DIFFERENCES: Readonly<Record<string, Tests>> = {
  'A slow client does not delay others': {
    'drain-timeout.js': [
      'UNIT: write.js blocks indefinitely when stream.write returns false',
      'UNIT: drainTimeout disconnects slow client instead of blocking',
      'UNIT: single slow client with concurrency 1 causes deadlock',
      'UNIT: drainTimeout allows system to recover from deadlock',
    ],
  },
  'SUBACK has a code for each filter of SUBSCRIBE, repeated ones as well': {
    'auth.js': [
      'authorize subscribe multiple same topics with same qos',
      'authorize subscribe multiple same topics with different qos',
    ],
    'prototype-keys.js': ['duplicate prototype-named topic in one SUBSCRIBE keeps the last qos'],
  },
  'A filter that was refused is not stored': {
    'auth.js': ['negate subscription with correct persistence'],
  },
  'A message that was sent before comes with DUP': {
    'client-pub-sub.js': ['offline message support for direct publish'],
  },
  'A message that was queued comes without RETAIN': {
    'retain.js': [
      'disconnect and retain messages with QoS 1 [clean=false]',
      'disconnect and two retain messages with QoS 1 [clean=false]',
    ],
  },
  'A message for overlapping filters comes with the highest QoS': {
    'topics.js': [
      'deliver overlapped topics respecting the maximum QoS of all the matching subscriptions - QoS 2 publish',
    ],
  },
  'A session without subscriptions is one': {
    'qos1.js': ['remove stored subscriptions after unsubscribe'],
  },
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
  'A packet id of 0 ends the connection': {
    'basic.js': ['subscribe with messageId 0 should return suback'],
  },
  'Return codes are those of the standard': {
    'connect.js': [
      'reject client requested for unsupported protocol version',
      'reject clients with wrong protocol name',
      'reject clients that exceed the keepalive limit',
    ],
  },
  'A will that cannot be published is refused with its CONNECT': {
    'topics.js': ['a Will with too many levels does not crash the broker'],
  },
  'Whoever is connecting when the broker closes is told so': {
    'close_socket_by_other_party.js': ['aedes is closed before client authenticate returns'],
  },
  'A connection that has ended is not written to': {
    'basic.js': ['does not die badly on connection error'],
  },
  'Packets are answered in their order, and at once': {
    'auth.js': ['failed authentication does not disconnect other client with same clientId'],
    'connect.js': ['reject second CONNECT Packet sent while first CONNECT still in preConnect stage'],
    'qos1.js': ['subscribe and publish QoS 1 in parallel'],
  },
  'The packet id of a message that goes out is the broker’s': {
    'auth.js': ['change a topic name inside authorizeForward method in QoS 1 mode'],
  },
  'The default export makes a broker': {
    'basic.js': ['test warning on default export'],
  },
}

/** The tests of MQTT 5.0 that the beta of Aedes 2.0 has. */
export const KNOWN_DIFFERENCES_2: Readonly<Record<string, Tests>> = {
  'Shared subscriptions are there': {
    'mqtt5.js': [
      'MQTT 5.0 CONNACK advertises shared subscriptions as unavailable',
      'MQTT 5.0 $share subscribe is refused with 0x9E (shared subs unavailable)',
    ],
  },
  'A topic alias that was never defined is a protocol error': {
    'mqtt5.js': ['MQTT 5.0 publish with an unknown topic alias is rejected with DISCONNECT 0x94'],
  },
}
