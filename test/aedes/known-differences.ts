/**
 * Tests that Aedes 1.2 was published with and that fail on `anax/aedes`, by the reason. Each reason stands, in these
 * words, in docs/migrating-from-aedes.md; a test looks. Data only.
 */

/** Reason, as the documentation has it -> file -> tests. */
export const KNOWN_DIFFERENCES: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  'Private members and modules of Aedes are not there': {
    'basic.js': [
      'messageId shoud reset to 1 if it reached 65535',
      'disconnect client on wrong cmd',
      'clear drain',
      'not duplicate client close when client error occurs',
      'not duplicate client close when double close() called',
    ],
    'client-pub-sub.js': [
      'subscribe throws error when QoS > 0',
      'ignore subscription when broker closes before addSubs executes',
      'ignore subscription when client closes before addSubs executes',
    ],
    'connect.js': ['connect handler calls done when preConnect throws error'],
    'drain-timeout.js': ['close() flushes pending drain callbacks with error'],
    'events.js': ['clear closed clients when the same clientId is managed by another broker'],
    'qos2.js': [
      'publish QoS 2 returns error when broker.publish fails',
      'QoS 2 inbound: the cap holds against a pipelined flood in one chunk',
      'QoS 2 inbound: a DUP retransmission does not consume a second slot',
      'QoS 2 inbound: completing PUBREL frees the slot',
      'QoS 2 inbound: a failed incomingDelPacket keeps the slot and still owes PUBCOMP',
      'QoS 2 inbound: a duplicate PUBREL does not crash and does not free a slot twice',
      'QoS 2 inbound: maxInflightInbound 0 disables the cap',
    ],
    'retain.js': [
      'new QoS 0 subscribers receive QoS 0 retained messages when clean',
      'new QoS 0 subscribers receive downgraded QoS 1 retained messages when clean',
    ],
  },
  'A slow client does not delay others': {
    'client-queue.js': ['client queue limit emits connectionError when publish packets overflow queue'],
    'drain-timeout.js': [
      'UNIT: write.js blocks indefinitely when stream.write returns false',
      'UNIT: drainTimeout disconnects slow client instead of blocking',
      'UNIT: single slow client with concurrency 1 causes deadlock',
      'UNIT: drainTimeout allows system to recover from deadlock',
      'E2E: without drainTimeout, slow client impairs system throughput',
    ],
  },
  'SUBACK has a code for each filter of SUBSCRIBE, repeated ones as well': {
    'auth.js': [
      'authorize subscribe multiple same topics with same qos',
      'authorize subscribe multiple same topics with different qos',
    ],
    'client-pub-sub.js': ['should not receive a message on negated subscription'],
    'prototype-keys.js': ['duplicate prototype-named topic in one SUBSCRIBE keeps the last qos'],
  },
  'A filter that was refused is not stored': {
    'auth.js': ['negate subscription with correct persistence'],
  },
  'A message that was sent before comes with DUP, and one for overlapping filters with the highest QoS': {
    'client-pub-sub.js': ['offline message support for direct publish'],
    'qos1.js': ['resend publish on non-clean reconnect QoS 1', 'do not resend QoS 1 packets at each reconnect'],
    'qos2.js': ['resend publish on non-clean reconnect QoS 2', 'resend pubrel on non-clean reconnect QoS 2'],
    'retain.js': [
      'disconnect and retain messages with QoS 1 [clean=false]',
      'disconnect and two retain messages with QoS 1 [clean=false]',
    ],
    'topics.js': [
      'deliver overlapped topics respecting the maximum QoS of all the matching subscriptions - QoS 2 publish',
    ],
  },
  'The state of a clean session is not in the store, and a session without subscriptions is one': {
    'qos1.js': ['publish QoS 1 and check offline queue', 'remove stored subscriptions after unsubscribe'],
    'qos2.js': [
      'multiple publish and store one',
      'packet is written to stream after being stored',
      'not send pubrec when persistence fails to store packet',
    ],
  },
  'A store that fails at a message ends the connection, and what was sent is acknowledged with its message': {
    'client-pub-sub.js': [
      'emit a `ack` event on PUBACK for QoS 1 [clean=true]',
      'emit a `ack` event on PUBCOMP for QoS 2 [clean=true]',
    ],
    'qos1.js': ['publish QoS 1 throws error on write'],
    'qos2.js': ['publish QoS 2 throws error on write'],
  },
  'A will is taken away when it was published, not before': {
    'will.js': ['delete the will in the persistence after publish'],
  },
  'A CONNECT is answered as the standard says': {
    'basic.js': ['subscribe with messageId 0 should return suback'],
    'bridge.js': [0, 1, 2].map(
      qos => `bridge client sends a publish message but shall not receive it back, qos = ${qos}`,
    ),
    'connect.js': [
      'reject client requested for unacceptable protocol version',
      'reject client requested for unsupported protocol version',
      'reject clients that exceed the keepalive limit',
      'connect clients with > 23 clientId length using aedes maxClientsIdLength option in MQTT 3.1.0',
      'reject clients with wrong protocol name',
      'preConnect handler - fail with no error msg',
      'preConnect handler - succeed with no error msg',
    ],
    'topics.js': ['a Will with too many levels does not crash the broker'],
  },
  'What comes is answered at once': {
    'auth.js': ['failed authentication does not disconnect other client with same clientId'],
    'basic.js': ['does not die badly on connection error'],
    'close_socket_by_other_party.js': [
      'aedes is closed before client authenticate returns',
      'client is closed before authorizePublish returns',
    ],
    'connect.js': [
      'the first Packet MUST be a CONNECT Packet',
      'reject second CONNECT Packet sent while first CONNECT still in preConnect stage',
    ],
    'keep-alive.js': ['disconnect if a connect does not arrive in time'],
    'qos1.js': ['subscribe and publish QoS 1 in parallel'],
  },
  'Packets of hooks and events are copies, without what the parser of `mqtt-packet` leaves in them': {
    'auth.js': [
      'modify qos out of range in authorize publish',
      'change a topic name inside authorizeForward method in QoS 1 mode',
    ],
    'events.js': ['Emit event when receives a ping'],
    'meta.js': ['emit subscribe event if unrecognized params in subscribe packet structure'],
  },
  'The default export makes a broker, and `version` is that of Anax': {
    'basic.js': ['test warning on default export'],
    'meta.js': ['get aedes version'],
  },
}
