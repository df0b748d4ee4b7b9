/** The routing record of a message: its answers, that no other code keeps such data, and who can see it. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { PublishMessage } from '../../lib/codec/publish-message.js'
import { messageOfInput } from '../../lib/model/message.js'
import { adoptRecord, ensureRecord, RoutingRecord, recordOf } from '../../lib/model/routing-record.js'
import type { QueueDelivery } from '../../types/persistence.js'
import { ROOT } from '../support/root.js'

const published = () => messageOfInput({ topic: 't', qos: 1, payload: 'x' }, 10)

function delivery(clientId: string, fields: Partial<QueueDelivery> = {}): QueueDelivery {
  return { clientId, qos: 1, retain: false, subscriptionIdentifiers: undefined, share: undefined, ...fields }
}

describe('a routing record', () => {
  it('is created when it is needed, and belongs to its message', () => {
    const message = published()
    assert.equal(recordOf(message), undefined)
    const record = ensureRecord(message)
    assert.equal(ensureRecord(message), record)
    assert.equal(recordOf(message), record)
    assert.equal(record.message, message)
  })

  it('can be created before its message', () => {
    const record = new RoutingRecord(undefined)
    record.withhold('client')
    const message = published()
    adoptRecord(message, record)
    assert.deepEqual([recordOf(message)?.isWithheld('client'), record.message], [true, message])
  })

  it('contains who gets no live copy', () => {
    const record = ensureRecord(published())
    record.withhold('a')
    assert.deepEqual([record.isWithheld('a'), record.isWithheld('b')], [true, false])
    const deliveries = [delivery('a'), delivery('b')]
    assert.deepEqual(record.notWithheld(deliveries), [deliveries[1]])
  })

  it('compares live copies with queues only if the two may differ', () => {
    const [atOnce, later] = [ensureRecord(published()), ensureRecord(published())]
    later.compareQueues()
    assert.equal(later.agreesWithQueue('a', 1), false)
    for (const record of [atOnce, later]) record.noteQueues([delivery('a'), delivery('b', { share: '$share/g/t' })])
    assert.equal(atOnce.agreesWithQueue('c', 1), true)
    const answers = [later.agreesWithQueue('a', 1), later.agreesWithQueue('a', 2), later.agreesWithQueue('a', 0)]
    assert.deepEqual(answers, [true, false, false])
    assert.deepEqual([later.agreesWithQueue('b', 1), later.agreesWithQueue('b', 0)], [false, true])
    atOnce.compareWith([delivery('a')])
    assert.equal(atOnce.agreesWithQueue('c', 1), false)
  })

  it('reports that a message reaches nobody only if it was routed, and is in no queue', () => {
    const record = ensureRecord(published())
    assert.equal(record.reachesNobody, false)
    record.noteNoSubscribers()
    assert.equal(record.reachesNobody, true)
    record.noteQueues([delivery('a')])
    assert.equal(record.reachesNobody, false)
  })

  it('contains the chosen members of shared subscriptions, and their copies', () => {
    const [message, copy] = [published(), published()]
    const [one, other] = [{ share: '$share/a/t' }, { share: '$share/b/t' }]
    const member = { clientId: 'c', topic: '$share/a/t', qos: 1 } as const
    const record = ensureRecord(message)
    assert.deepEqual(record.copies, [])
    record.choose([
      { group: one, member, message },
      { group: other, member, message: copy },
    ])
    assert.equal(record.choiceOf(other)?.message, copy)
    assert.equal(
      record.choiceOf({ share: '$share/a/t' }),
      undefined,
      'a group that is joined again after its last member left is a new one',
    )
    assert.deepEqual(record.copies, [copy])
  })
})

describe('the library', () => {
  const files = readdirSync(join(ROOT, 'lib'), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.ts'))
    .map(file => ({ file, text: readFileSync(join(ROOT, 'lib', file), 'utf8') }))
  const matching = (pattern: RegExp) => files.filter(({ text }) => pattern.test(text)).map(({ file }) => file)

  it('stores the receivers of a message only in its routing record', () => {
    assert.ok(files.length > 20)
    assert.deepEqual(matching(/\battachTo\(/), ['model/routing-record.ts'])
    assert.deepEqual(matching(/Map<PublishMessage\b|Set<PublishMessage\b/), [])
    assert.deepEqual(matching(/\bmessage\.(receivers|queued|queuedFor|withheldFrom)\b/), [])
  })
})

describe('what can be reached from a message', () => {
  const DOCUMENTED = [
    ...['brokerCounter', 'brokerId', 'clientId', 'cmd', 'dup', 'messageExpiry', 'messageId'],
    ...['payload', 'properties', 'qos', 'retain', 'topic', 'username'],
  ]

  it('are the documented fields', () => {
    const message = published()
    ensureRecord(message).withhold('client')
    assert.deepEqual(Reflect.ownKeys(message).sort(), DOCUMENTED)
    assert.deepEqual(Reflect.ownKeys(PublishMessage.prototype), ['constructor'])
    assert.deepEqual(Reflect.ownKeys(PublishMessage).sort(), ['length', 'name', 'prototype'])
  })

  it('is the same in JSON', () => {
    const message = published()
    ensureRecord(message).withhold('client')
    assert.deepEqual(JSON.parse(JSON.stringify(message)), {
      cmd: 'publish',
      brokerId: '',
      brokerCounter: 0,
      topic: 't',
      payload: { type: 'Buffer', data: [120] },
      qos: 1,
      retain: false,
      dup: false,
    })
  })
})
