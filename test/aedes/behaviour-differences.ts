/**
 * Tests of test/spec that fail on `anax/aedes`, by reason: there, the layer behaves like Aedes and not like the broker.
 * Data only.
 */

/** Reason -> file of test/spec -> titles of tests, without clauses and version. */
export const BEHAVIOUR_DIFFERENCES: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  'It publishes below `$SYS/`, and the test counts what is published': {
    'connect/connack': ['CONNACK says Maximum Packet Size, and a larger packet is answered with DISCONNECT 0x95'],
    'connection/disconnect-packet': [
      'packets after the DISCONNECT of a client are ignored',
      'packets after a DISCONNECT are ignored even while the packets before it are still being handled',
      'a received DISCONNECT removes the will, even if the line drops before the DISCONNECT is handled',
      'a received DISCONNECT removes the will, even if the client reconnects before the DISCONNECT is handled',
      'a received DISCONNECT removes the will, even if the broker ends it before the DISCONNECT is handled',
    ],
    'connection/disconnect': ['what a client sends after DISCONNECT is ignored'],
    'connection/handling-errors': ['bytes after an error are ignored'],
    'data/packet-id': [
      'SUBSCRIBE with packet identifier 0 is a protocol error',
      'UNSUBSCRIBE with packet identifier 0 is a protocol error',
      'PUBLISH with QoS 1 with packet identifier 0 is a protocol error',
      'PUBLISH with QoS 2 with packet identifier 0 is a protocol error',
      'PUBACK with packet identifier 0 is a protocol error',
      'PUBREL with packet identifier 0 is a protocol error',
    ],
    'session/session': ['unacknowledged messages of both directions are part of the session'],
    'data/topic-alias': ['hooks and events see the topic, not the alias'],
    'data/topics': [
      'messages of the application below $SYS/ go only to filters that begin with $SYS/',
      'a QoS 0 PUBLISH of a client below $SYS/ is dropped, and the client stays connected',
      'a QoS 1 PUBLISH of a client below $SYS/ is dropped, and the client stays connected',
      'a QoS 2 PUBLISH of a client below $SYS/ is dropped, and the client stays connected',
    ],
    'session/will-delay': [
      'a will whose delay and session end at the same time is published once',
      'a will that is being published when its client reconnects (clean start true) is published once, and the new will remains',
      'a will that is being published when its client reconnects (clean start false) is published once, and the new will remains',
    ],
    'session/will': [
      'wills are published when the broker closes',
      'a will below $SYS/ is refused unless a hook allows it',
    ],
  },
  'Its limits are those of Aedes': {
    'connect/client-id': [
      'an identifier in 3.1 has 1 to 23 bytes',
      'an identifier that the broker does not accept is refused',
    ],
    'connect/connack': ['CONNACK lists the features that are not available, and no others'],
    'connection/keep-alive': [
      'the keep alive of a client before 5.0, which cannot get a Server Keep Alive, is not limited',
    ],
    'data/packet-size': [
      'before it is accepted a client may send 64 KiB: a larger CONNECT is refused before its end has arrived',
    ],
    'connect/server-options': ['CONNACK with default options has the limits that differ from the standard’s defaults'],
    'subscribe/subscribe': [
      'a filter with more levels than the broker allows is refused with 0x8F, and the other filters are granted',
    ],
  },
  'Its bus does not tell whether anybody subscribes': {
    'connect/connack': ['CONNACK says Maximum QoS 1, and a PUBLISH above it is answered with DISCONNECT 0x9B'],
    'qos/flow-control': ['after PUBACK, or a PUBREC that refuses, a client may send another message'],
    'publish/publish': ['a message that nobody subscribed to is acknowledged with 0x10'],
    'publish/retained': [
      'maxRetainedMessages: a message that exceeds the limit is refused with 0x97, unless it fits by replacing another',
      'maxRetainedBytes: a message that exceeds the limit is refused with 0x97, unless it fits by replacing another',
      'maxRetainedPayload: a message that exceeds the limit is refused with 0x97, unless it fits by replacing another',
    ],
    'subscribe/shared-subscriptions': ['only UNSUBSCRIBE of the whole $share filter ends a membership'],
  },
  'Its store is that of Aedes': {
    'publish/message-expiry': [
      'a message that expires in the queue of a disconnected session is dropped then, and an event reports it',
      'each copy expires separately: those delivered in time are not affected',
      'a retained message is removed when it expires, and an event reports it',
      'maxRetainedExpiry limits how long a message is retained, whatever its publisher says',
    ],
    'subscribe/shared-sessions': [
      'when a stored session ends, another member gets its QoS 1 messages, but no QoS 2 message that was sent',
      'another member gets the messages of a session that a clean start ends',
      'another member gets the messages of a session that a takeover by a clean start ends',
      'an expired session is no longer a member',
    ],
    'subscribe/bytes': ['packets that wait for the store already count'],
    'subscribe/identifiers': [
      'queued messages of a resumed session have the identifiers, and so have live ones',
      'a message that is sent again carries the same identifiers',
      'a message has the identifier of a QoS 0 subscription too, for a stored session that is away',
      'a message has the identifier of a QoS 0 subscription too, for a stored session that is busy',
    ],
    'data/topics': [
      'retained messages that sport/tennis/+ matches',
      'retained messages that sport/+ matches',
      'retained messages that +/+ matches',
      'retained messages that /+ matches',
      'retained messages that +/tennis/# matches',
      'retained messages that sport/+/player1 matches',
      'retained messages that +/+/# matches',
    ],
  },
  'Its default hook is that of Aedes: nobody publishes below `$SYS/`': {
    'data/topics': ['without a hook, bridges and no other clients may publish their state on Mosquitto’s topic for it'],
  },
}
