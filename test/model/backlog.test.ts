/** Messages that wait in memory for one client: order, bytes, and the size that a message counts with. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { userPropertiesFrom } from '../../lib/codec/user-properties.js'
import { Backlog, sizeInQueue } from '../../lib/model/backlog.js'
import { messageOfInput } from '../../lib/model/message.js'
import { numbered } from '../session/outgoing/outgoing-fixture.js'

const textOf = (delivery: ReturnType<typeof numbered> | undefined) => delivery && String(delivery.message.payload)

describe('a backlog', () => {
  it('is a queue for any order of pushing and taking', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('push', 'shift'), { maxLength: 200 }), steps => {
        const backlog = new Backlog()
        const model: string[] = []
        for (const [i, step] of steps.entries()) {
          if (step === 'push') {
            backlog.push(numbered(`${i}`, 0), i)
            model.push(`${i}`)
          } else if (model.length > 0) {
            assert.equal(textOf(backlog.shift()), model.shift())
          }
          assert.deepEqual([backlog.length, textOf(backlog.first)], [model.length, model[0]])
          assert.deepEqual([...backlog].map(textOf), model)
          assert.equal(
            backlog.bytes,
            model.reduce((sum, text) => sum + Number(text), 0),
          )
        }
      }),
    )
  })

  it('returns a message before later ones of the same broker', () => {
    const backlog = new Backlog()
    const other = numbered('other', 0, 1)
    other.message.brokerId = 'another broker'
    backlog.push(numbered('gone', 0, 1), 1)
    backlog.push(other, 2)
    backlog.push(numbered('5', 0, 5), 4)
    backlog.push(numbered('7', 0, 7), 8)
    backlog.shift()
    assert.equal(backlog.takeBefore({ brokerId: 'b', brokerCounter: 5 }), undefined)
    assert.equal(backlog.takeBefore({ brokerId: 'unknown', brokerCounter: 9 }), undefined)
    assert.equal(textOf(backlog.takeBefore({ brokerId: 'b', brokerCounter: 6 })), '5')
    assert.equal(backlog.takeBefore({ brokerId: 'b', brokerCounter: 6 }), undefined)
    assert.deepEqual([backlog.length, backlog.bytes], [2, 10])
    assert.deepEqual([...backlog].map(textOf), ['other', '7'])
  })

  it('costs the same for each message, however many there are', () => {
    const backlog = new Backlog()
    const delivery = numbered('x', 0)
    for (let i = 0; i < 1_000_000; i++) backlog.push(delivery, 1)
    // An array that is moved for each message would take minutes, and exceed the time limit of a test file.
    while (backlog.length > 0) backlog.shift()
    assert.equal(backlog.bytes, 0)
  })
})

describe('the size in a queue', () => {
  const sizeOf = (input: object) => sizeInQueue(messageOfInput({ topic: 'a', ...input }, 100))

  it('is not 0 for an empty message', () => assert.ok(sizeOf({}) > 0))

  const text = 'x'.repeat(1000)
  const userProperties = userPropertiesFrom(['k', text.slice(1), 'l', text.slice(1), 'k', text.slice(1)])
  for (const [what, input, bytes] of [
    ['the payload', { payload: text }, 1000],
    ['the topic', { topic: `a${text}` }, 1000],
    ['a content type', { properties: { contentType: text } }, 1000],
    ['a response topic', { properties: { responseTopic: text } }, 1000],
    ['correlation data', { properties: { correlationData: Buffer.from(text) } }, 1000],
    // with the lengths of names and values, two bytes each
    ['user properties', { properties: { userProperties } }, 3012],
    ['empty ones as well', { properties: { userProperties: userPropertiesFrom(new Array(2000).fill('')) } }, 4000],
  ] as const) {
    it(`includes ${what}, which a client can make large`, () => assert.equal(sizeOf(input) - sizeOf({}), bytes))
  }
})
