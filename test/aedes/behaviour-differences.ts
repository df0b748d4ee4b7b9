/**
 * Tests of test/spec that fail on `anax/aedes`, by reason: there, the layer behaves like Aedes and not like the broker.
 * Data only.
 */

/** Reason -> file of test/spec -> titles of tests, without clauses and version. */
export const BEHAVIOUR_DIFFERENCES: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  'It publishes below `$SYS/`, and the test counts what is published': {
    'connect/connack': ['Maximum Packet Size is announced, and a packet above it ends with 0x95'],
    'connection/disconnect-packet': [
      'what a client sends behind its DISCONNECT is ignored',
      'nor is it looked at while the DISCONNECT waits for what was sent before it',
      'a DISCONNECT that was received takes the will away, also where the line drops before its turn',
      'a DISCONNECT that was received takes the will away, also where the client comes again before its turn',
      'a DISCONNECT that was received takes the will away, also where the broker ends it before its turn',
    ],
    'connection/disconnect': ['what a client sends after DISCONNECT is ignored'],
    'connection/handling-errors': ['bytes behind an error are not looked at'],
    'data/packet-id': [
      'SUBSCRIBE with packet identifier 0 is a protocol error',
      'UNSUBSCRIBE with packet identifier 0 is a protocol error',
      'PUBLISH with QoS 1 with packet identifier 0 is a protocol error',
      'PUBLISH with QoS 2 with packet identifier 0 is a protocol error',
      'PUBACK with packet identifier 0 is a protocol error',
      'PUBREL with packet identifier 0 is a protocol error',
    ],
    'session/session': ['unacknowledged messages of both directions are part of the state'],
    'data/topic-alias': ['hooks and events see the topic, not the alias'],
    'data/topics': [
      'messages of the host below $SYS/ go to filters that name it only',
      'what a client publishes below $SYS/ with QoS 0 is dropped, and nobody is cut for it',
      'what a client publishes below $SYS/ with QoS 1 is dropped, and nobody is cut for it',
      'what a client publishes below $SYS/ with QoS 2 is dropped, and nobody is cut for it',
    ],
    'session/will-delay': [
      'an expired session and a delay that is over at once publish the will once',
      'a will that is being published when its client returns (clean start true) is published once, and the new one is kept',
      'a will that is being published when its client returns (clean start false) is published once, and the new one is kept',
      'a client that returns while the wills of others are being published cancels its own',
    ],
    'session/will': [
      'wills are published when the broker closes',
      'a will below $SYS/ is refused unless the host allows it',
    ],
  },
  'Its limits are those of Aedes': {
    'connect/client-id': [
      '3.1 has identifiers of 23 bytes at most, and of one at least',
      'an identifier that the broker does not accept is refused',
    ],
    'connect/connack': ['what is not available is announced, and nothing is where all is'],
    'connection/keep-alive': ['a client that cannot be told keeps its own keep alive'],
    'data/packet-size': ['whoever was not let in may send 64 KiB: of a larger CONNECT, nothing is waited for'],
    'connect/server-options': ['what the defaults allow is announced'],
    'subscribe/subscribe': [
      'a filter with more levels than the broker allows is refused with 0x8F, and its neighbours are granted',
    ],
  },
  'Its bus does not tell whether anybody subscribes': {
    'connect/connack': ['Maximum QoS 1 is announced, and a PUBLISH above it ends with 0x9B'],
    'qos/flow-control': ['PUBACK and a PUBREC that refuses make room'],
    'publish/publish': ['a message that nobody subscribed to is acknowledged with 0x10'],
    'publish/retained': [
      'maxRetainedMessages: what does not fit is refused with 0x97, what replaces another may fit',
      'maxRetainedBytes: what does not fit is refused with 0x97, what replaces another may fit',
      'maxRetainedPayload: what does not fit is refused with 0x97, what replaces another may fit',
    ],
    'subscribe/shared-subscriptions': ['UNSUBSCRIBE of the whole $share filter ends a membership, nothing else does'],
  },
  'Its store is that of Aedes': {
    'publish/message-expiry': [
      'what expires while the session is away is dropped when it is due, and told',
      'each copy expires by itself: those delivered in time are not affected',
      'a retained message that expired is gone, and the host is told when it is due',
      'maxRetainedExpiry: a retained message lives no longer, whatever its publisher said',
    ],
    'subscribe/shared-sessions': [
      'when that session ends, QoS 1 goes to another member and QoS 2 that was sent to nobody',
      'so when a clean start ends it',
      'so when a takeover by a clean start ends it',
      'a session that has expired is no member any more',
    ],
    'subscribe/bytes': ['packets that wait for the store count as if they were done'],
    'subscribe/identifiers': [
      'a session that was away gets them as well, and so does one that is resumed',
      'a message that is sent again carries the same identifiers',
      'among them that of a QoS 0 subscription, for a stored session that is away',
      'among them that of a QoS 0 subscription, for a stored session that is busy',
    ],
    'data/topics': [
      'what sport/tennis/+ matches of what is retained',
      'what sport/+ matches of what is retained',
      'what +/+ matches of what is retained',
      'what /+ matches of what is retained',
      'what +/tennis/# matches of what is retained',
      'what sport/+/player1 matches of what is retained',
      'what +/+/# matches of what is retained',
    ],
  },
  'Its default hook is that of Aedes: nobody publishes below `$SYS/`': {
    'data/topics': ['without a hook, a bridge may tell its state where Mosquitto has it tell, and nobody else'],
  },
}
