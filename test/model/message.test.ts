/** Messages that do not come from the wire, and who owns their bytes. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Decoder } from '../../lib/codec/decode/decoder.js'
import { encode } from '../../lib/codec/encode/encoder.js'
import { PublishMessage } from '../../lib/codec/publish-message.js'
import { pairsOf, userPropertiesFrom } from '../../lib/codec/user-properties.js'
import {
  adopt,
  copyOf,
  keepPayload,
  messageOfInput,
  messageOfWill,
  ownProperties,
  refKey,
  secondsLeft,
  startExpiry,
} from '../../lib/model/message.js'
import { recordOf } from '../../lib/model/routing-record.js'
import { FakeClock } from '../../lib/testing/fake-clock.js'
import { Timers } from '../../lib/util/scheduling/timers.js'
import type { PublishInput } from '../../types/client/client.js'
import { connectPacket } from '../support/clients/spec-client.js'

/** With its own memory, as a chunk of a socket has. */
const chunk = Buffer.alloc(30, '....payload....correlation....')

function fromWire(): PublishMessage {
  const properties = { correlationData: chunk.subarray(15, 26), contentType: 'c' }
  const message = new PublishMessage('t', chunk.subarray(4, 11), 1, true, false, 5, properties)
  message.clientId = 'publisher'
  return message
}

describe('a payload that outlives the turn', () => {
  it('is copied once', () => {
    const message = fromWire()
    keepPayload(message)
    const { payload } = message
    const before = Buffer.from(chunk)
    chunk.fill(0)
    assert.equal(payload.toString(), 'payload')
    assert.equal(message.properties?.correlationData?.toString(), 'correlation')
    before.copy(chunk)
    keepPayload(message)
    assert.equal(message.payload, payload)
  })

  it('is not copied if it has its own memory', () => {
    const message = messageOfInput({ topic: 't', payload: 'text' }, 100)
    const { payload } = message
    keepPayload(message)
    assert.equal(message.payload, payload)
  })
})

describe('a copy', () => {
  it('has the content and the origin, but neither packet id, DUP nor number', () => {
    const message = fromWire()
    message.brokerId = 'b'
    message.brokerCounter = 7
    message.messageExpiry = 99
    const copy = copyOf(message)
    assert.deepEqual(
      [copy.topic, copy.payload, copy.qos, copy.retain, copy.clientId, copy.messageExpiry],
      ['t', message.payload, 1, true, 'publisher', 99],
    )
    assert.deepEqual([copy.messageId, copy.dup, recordOf(copy)], [undefined, false, undefined])
    assert.notEqual(refKey(copy), refKey(message))
  })

  it('can be kept: it shares the payload of the message, but not the received chunk', () => {
    const message = fromWire()
    const copy = copyOf(message)
    keepPayload(copy)
    assert.equal(copy.payload, message.payload)
    assert.notEqual(copy.payload.buffer, chunk.buffer)
    assert.notEqual(copy.properties?.correlationData?.buffer, chunk.buffer)
  })

  it('of properties may be changed by the receiver', () => {
    const message = fromWire()
    message.properties!.userProperties = { a: 'b' }
    const own = ownProperties(message)!
    own.contentType = 'changed'
    own.userProperties!.a = 'changed'
    assert.equal(message.properties?.contentType, 'c')
    assert.deepEqual(message.properties?.userProperties, { a: 'b' })
    assert.equal(ownProperties(messageOfInput({ topic: 't' }, 100)), undefined)
  })

  it('of user properties has the same order and separate lists', () => {
    const message = fromWire()
    const pairs = ['a', '1', 'b', '2', 'a', '3']
    message.properties!.userProperties = userPropertiesFrom(pairs)
    const own = ownProperties(message)!.userProperties!
    assert.deepEqual(pairsOf(own), pairs)
    ;(own.a as string[]).push('4')
    assert.deepEqual(message.properties?.userProperties?.a, ['1', '3'])
  })
})

describe('an expiry', () => {
  it('starts with the interval, and is converted to seconds, rounded up, never below 0', () => {
    const clock = new FakeClock()
    const timers = new Timers(clock)
    const message = messageOfInput({ topic: 't', properties: { messageExpiryInterval: 10 } }, 100)
    assert.equal(secondsLeft(message, timers), undefined)
    startExpiry(message, clock.now())
    const left = (ms: number) => secondsLeft({ ...message, messageExpiry: message.messageExpiry! - ms }, timers)
    assert.deepEqual(
      [left(0), left(1), left(999), left(1000), left(9999), left(10_000), left(20_000)],
      [10, 10, 10, 9, 1, 0, 0],
    )
  })
})

describe('a message of the application on the bus', () => {
  it('keeps its fields, and gets defaults for missing ones', () => {
    const message = adopt({ topic: 'a' })!
    assert.deepEqual([message.qos, message.retain, message.payload.length, message.brokerId], [0, false, 0, ''])
    const whole = { brokerId: 'other', brokerCounter: 3, qos: 2, retain: true, payload: 'text', clientId: 'c' }
    const full = adopt({ topic: 'a', ...whole } as never)!
    assert.deepEqual(
      [refKey(full), full.qos, full.retain, full.payload.toString(), full.clientId],
      ['other:3', 2, true, 'text', 'c'],
    )
  })

  it('may have null for missing values, and bytes of any kind', () => {
    const nothing = { clientId: null, messageExpiry: null, payload: null, qos: null, retain: null }
    const message = adopt({ topic: 'a', ...nothing, properties: { contentType: 'c', responseTopic: null } } as never)!
    assert.deepEqual(
      [message.clientId, message.messageExpiry, message.payload.length, message.qos, message.retain],
      [undefined, undefined, 0, 0, false],
    )
    assert.deepEqual(message.properties, { contentType: 'c' })
    assert.equal(adopt({ topic: 'a', properties: null } as never)?.properties, undefined)
    assert.equal(adopt({ topic: 'a', payload: new Uint8Array([0x78]) } as never)?.payload.toString(), 'x')
  })

  for (const [what, foreign] of Object.entries({
    'without a topic': {},
    'with a topic that is none': { topic: 'a/#' },
    'with a QoS that is none': { topic: 'a', qos: 3 },
    'with a payload that is none': { topic: 'a', payload: 7 },
  })) {
    it(`is ignored ${what}`, () => assert.equal(adopt(foreign as never), undefined))
  }
})

describe('a will', () => {
  it('shares no bytes with its received chunk', () => {
    const properties = { correlationData: Buffer.from('c') }
    const will = { topic: 'w', payload: Buffer.from('x'), qos: 0, retain: false, properties } as const
    const decoder = new Decoder({ side: 'broker' })
    const bytes = Buffer.concat([encode(connectPacket(5, { will }), 5), Buffer.alloc(60_000)])
    decoder.push(bytes)
    const connect = decoder.next()
    assert.ok(connect?.cmd === 'connect')
    assert.notEqual(connect.will?.payload.buffer, bytes.buffer)
    assert.notEqual(connect.will?.properties?.correlationData?.buffer, bytes.buffer)
    assert.equal(connect.will?.properties?.correlationData?.toString(), 'c')
  })

  it('becomes a message without its delay', () => {
    const properties = { willDelayInterval: 5, contentType: 'c' }
    const message = messageOfWill({ topic: 'w', payload: Buffer.from('x'), qos: 1, retain: true, properties }, 'client')
    assert.deepEqual([message.topic, message.qos, message.retain, message.clientId], ['w', 1, true, 'client'])
    assert.deepEqual(message.properties, { contentType: 'c' })
  })
})

describe('a message of the application', () => {
  it('has the given fields, and defaults otherwise', () => {
    const message = messageOfInput({ topic: 'a', payload: new Uint8Array([1, 2]) as Buffer }, 100)
    assert.deepEqual([message.payload, message.qos, message.retain], [Buffer.from([1, 2]), 0, false])
    const properties = { topicAlias: 3, subscriptionIdentifier: [1], contentType: 'c' }
    assert.deepEqual(messageOfInput({ topic: 'a', properties }, 100).properties, { contentType: 'c' })
    assert.deepEqual(properties.topicAlias, 3, 'the object of the application is not changed')
  })

  const WRONG: Record<string, unknown> = {
    'no topic': {},
    'an empty topic': { topic: '' },
    'a wildcard': { topic: 'a/+' },
    'too many levels': { topic: 'a/b/c/d' },
    'a topic that is too long': { topic: 'x'.repeat(65_536) },
    'half a surrogate pair in the topic': { topic: 'a\ud800' },
    'QoS 3': { topic: 'a', qos: 3 },
    'a payload that is an object': { topic: 'a', payload: {} },
    'a property that MQTT cannot carry': { topic: 'a', properties: { contentType: 'a\0' } },
    'a property of the wrong type': { topic: 'a', properties: { messageExpiryInterval: -1 } },
  }
  for (const [what, input] of Object.entries(WRONG)) {
    it(`is refused with ${what}`, () => {
      assert.throws(() => messageOfInput(input as PublishInput, 3), { code: 'ANAX_ERR_ARGUMENT' })
    })
  }
})
