/**
 * User properties keep their order, whatever their names.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { publishFrame } from '../../lib/codec/encode/encoder.js'
import type { PublishMessage } from '../../lib/codec/publish-message.js'
import { pairsOf, userPropertiesFrom } from '../../lib/codec/user-properties.js'
import { decodeOne, packetOf } from './support.js'

/** Names that objects treat in a special way, beside common ones. */
const names = fc.oneof(fc.constantFrom('a', 'b', '7', '10', '01', '__proto__', 'constructor', ''), fc.string())
const pairLists = fc.array(fc.tuple(names, fc.string())).map(pairs => pairs.flat())

describe('user properties', () => {
  it('are decoded in the order in which they were encoded', () => {
    fc.assert(fc.property(pairLists, pairs => assert.deepEqual(pairsOf(userPropertiesFrom(pairs)), pairs)))
  })

  it('have the same shape as in mqtt-packet', () => {
    const object = userPropertiesFrom(['a', '1', 'b', '2', 'a', '3', '__proto__', 'p'])
    assert.equal(Object.getPrototypeOf(object), null)
    assert.deepEqual(Object.entries(object), [
      ['a', ['1', '3']],
      ['b', '2'],
      ['__proto__', 'p'],
    ])
  })

  it('are encoded from the object if a hook changed it', () => {
    const object = userPropertiesFrom(['a', '1', 'b', '2', 'a', '3'])
    object.a = ['1', '4']
    assert.deepEqual(pairsOf(object), ['a', '1', 'a', '4', 'b', '2'])
    object.a = ['1', '3']
    assert.deepEqual(pairsOf(object), ['a', '1', 'b', '2', 'a', '3'])
    object.c = '5'
    assert.deepEqual(pairsOf(object), ['a', '1', 'a', '3', 'b', '2', 'c', '5'])
    delete object.c
    delete object.b
    assert.deepEqual(pairsOf(object), ['a', '1', 'a', '3'])
    object.a = '1'
    assert.deepEqual(pairsOf(object), ['a', '1'])
  })

  it('[5.0 MQTT-3.3.2-17] [5.0 MQTT-3.3.2-18] keep their order when the message is forwarded', () => {
    const list = "26 00 01 'b' 00 01 '1' 26 00 01 '9' 00 00 26 00 01 '1' 00 00 26 00 01 'b' 00 01 '2'"
    const bytes = packetOf(0x30, `00 01 't' 1a ${list}`)
    const message = decodeOne(bytes, 'broker', 5) as PublishMessage
    const frame = publishFrame(message, 5, { qos: 0, retain: false, dup: false })
    assert.equal(frame.bytes.toString('hex'), bytes.toString('hex'))
  })
})
