/** Which message is sent next: live, waiting in memory, stored, retained; and with which packet id. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AnaxError } from '../../../lib/errors.js'
import type { Delivery } from '../../../lib/model/delivery.js'
import { SessionSubscription } from '../../../lib/model/subscription.js'
import type { Outgoing } from '../../../lib/session/outgoing/outgoing.js'
import type { Message } from '../../../types/message/message.js'
import type { QueuedMessage } from '../../../types/persistence.js'
import { attached, numbered } from './outgoing-fixture.js'

const turn = () => new Promise<void>(resolve => setImmediate(resolve))

describe('live messages', () => {
  it('are sent at once while the client reads, and wait in order while it does not', () => {
    const { outgoing, link, sentTexts } = attached({ quota: 2 })
    for (const text of ['1', '2', '3', '4']) outgoing.deliver(numbered(text, 1))
    assert.deepEqual(sentTexts(), ['1', '2'])
    outgoing.deliver(numbered('5', 0))
    assert.deepEqual(sentTexts(), ['1', '2'], 'a message of QoS 0 does not overtake')
    outgoing.transmitter.acknowledged(1, 'puback')
    outgoing.pump()
    assert.deepEqual(sentTexts(), ['1', '2', '3'])
    outgoing.transmitter.acknowledged(2, 'puback')
    outgoing.pump()
    assert.deepEqual(sentTexts(), ['1', '2', '3', '4', '5'])
    assert.equal(link.failures.length, 0)
  })

  it('wait up to a limit: beyond it the newest is dropped, with an event', () => {
    const { outgoing, link, drops, sentTexts } = attached({ limits: { maxMessages: 2 } })
    link.ready = false
    for (const text of ['1', '2', '3']) outgoing.deliver(numbered(text, 1))
    assert.deepEqual(drops, ['3 queue-full'])
    link.ready = true
    outgoing.pump()
    assert.deepEqual(sentTexts(), ['1', '2'])
  })

  it('wait up to a limit: beyond it the oldest is dropped, if that is the policy', () => {
    const { outgoing, link, drops, sentTexts } = attached({ limits: { maxMessages: 2, overflow: 'drop-oldest' } })
    link.ready = false
    for (const text of ['1', '2', '3']) outgoing.deliver(numbered(text, 1))
    assert.deepEqual(drops, ['1 queue-full'])
    link.ready = true
    outgoing.pump()
    assert.deepEqual(sentTexts(), ['2', '3'])
  })

  it('are limited in bytes too, and those of QoS 0 have a separate limit', () => {
    const { outgoing, link, drops } = attached({ limits: { maxBytes: 300 }, options: { maxOutboxBytes: 150 } })
    link.ready = false
    for (const text of ['a', 'b', 'c']) outgoing.deliver(numbered(text.repeat(60), 1))
    outgoing.deliver(numbered('q', 0))
    assert.deepEqual(drops, [`${'c'.repeat(60)} queue-full`, 'q outbox-full'])
  })

  describe('with QoS 0', () => {
    const BYTES = { maxOutboxBytes: 1000, maxBurstBytes: 100_000 }
    const deliverMany = (outgoing: Outgoing) => {
      for (let i = 0; i < 100; i++) outgoing.deliver(numbered('.'.repeat(60), 0))
    }

    it('have a high limit for a client that is briefly busy, and a low one for a client that does not read', async () => {
      const { outgoing, link, drops, clock } = attached({ options: BYTES })
      link.ready = false
      deliverMany(outgoing)
      await clock.advance(1900)
      deliverMany(outgoing)
      assert.deepEqual(drops, [])
      await clock.advance(200)
      deliverMany(outgoing)
      assert.equal(drops.length, 100)
      link.ready = true
      outgoing.pump()
      link.ready = false
      deliverMany(outgoing)
      assert.equal(drops.length, 100)
    })

    it('have a low limit if many bytes wait for other clients', () => {
      const { outgoing, link, drops, load } = attached({ options: BYTES })
      link.ready = false
      load.waitingBytes = 1e6
      deliverMany(outgoing)
      assert.ok(drops.length > 90)
    })
  })

  it('that arrive while another one is being sent keep their order', () => {
    const { outgoing, link, sentTexts } = attached({})
    link.ready = false
    outgoing.deliver(numbered('1', 0))
    outgoing.deliver(numbered('2', 0))
    link.ready = true
    link.onWrite = () => {
      link.onWrite = () => {}
      outgoing.deliver(numbered('3', 0))
    }
    outgoing.pump()
    assert.deepEqual(sentTexts(), ['1', '2', '3'])
  })
})

describe('a resumed session', () => {
  const entry = (text: string, counter: number, qos: 1 | 2, packetId?: number): QueuedMessage => {
    const { message } = numbered(text, qos, counter)
    const delivery = { clientId: 'c', qos, retain: false, subscriptionIdentifiers: undefined, share: undefined }
    return { message, ref: message, delivery, packetId }
  }

  it('first gets the messages in flight, with their packet ids, then the rest', () => {
    const { outgoing, sent } = attached({ stored: [entry('1', 1, 1, 7), entry('2', 2, 1, 8), entry('3', 3, 1)] })
    outgoing.resume()
    assert.deepEqual(sent(), ['1 id 7 again', '2 id 8 again', '3 id 9'])
  })

  it('gives no new message the packet id of one in flight, whatever the order of its queue', () => {
    const { outgoing, sent } = attached({ stored: [entry('1', 1, 1), entry('2', 2, 1, 1), entry('3', 3, 2, 2)] })
    outgoing.resume()
    assert.deepEqual(sent(), ['2 id 1 again', '3 id 2 again', '1 id 3'])
  })

  it('gets PUBREL for messages that were received, even beyond the quota', () => {
    const released = { ...entry('1', 1, 2, 5), message: undefined }
    const { outgoing, sent } = attached({ stored: [released, { ...released, packetId: 6 }], quota: 1 })
    outgoing.resume()
    assert.deepEqual(sent(), ['pubrel id 5', 'pubrel id 6'])
  })

  it('gets no more messages than its quota allows', () => {
    const { outgoing, sent } = attached({ stored: [1, 2, 3].map(i => entry(String(i), i, 1, i)), quota: 2 })
    outgoing.resume()
    assert.deepEqual(sent(), ['1 id 1 again', '2 id 2 again'])
    outgoing.transmitter.acknowledged(1, 'puback')
    outgoing.pump()
    assert.deepEqual(sent().at(-1), '3 id 3 again')
  })

  it('skips messages that were removed from the queue meanwhile', () => {
    const { outgoing, sent } = attached({ stored: [{ ...entry('1', 1, 1), isRemoved: true }, entry('2', 2, 1)] })
    outgoing.resume()
    assert.deepEqual(sent(), ['2 id 1'])
  })

  it('gets a QoS 0 message at its place among those in the store', () => {
    const { outgoing, link, sentTexts } = attached({ stored: [entry('1', 1, 1), entry('3', 3, 1)] })
    link.ready = false
    outgoing.resume()
    outgoing.deliver(numbered('2', 0, 2))
    outgoing.deliver(numbered('4', 0, 4))
    link.ready = true
    outgoing.pump()
    assert.deepEqual(sentTexts(), ['1', '2', '3', '4'])
  })

  it('compares only message numbers of the same broker', () => {
    const of = (brokerId: string, delivery: Delivery) => {
      Object.assign(delivery.message, { brokerId })
      return delivery
    }
    const { outgoing, link, sentTexts } = attached({
      stored: [entry('there 9', 9, 1), entry('here 1', 1, 1), entry('there 11', 11, 1)].map((each, index) => {
        Object.assign(each.message!, { brokerId: index === 1 ? 'here' : 'there' })
        return each
      }),
    })
    link.ready = false
    outgoing.resume()
    for (const number of [2, 3]) outgoing.deliver(of('here', numbered(`here ${number}`, 0, number)))
    outgoing.deliver(of('there', numbered('there 10', 0, 10)))
    link.ready = true
    outgoing.pump()
    assert.deepEqual(sentTexts(), ['there 9', 'here 1', 'there 10', 'there 11', 'here 2', 'here 3'])
  })

  it('ends its connection if its queue cannot be read', async () => {
    for (const when of ['at once', 'later'] as const) {
      const { outgoing, link } = attached({
        stored: () => {
          if (when === 'at once') throw new Error('broken')
          return {
            [Symbol.asyncIterator]: () => ({ next: () => turn().then(() => Promise.reject(new Error('broken'))) }),
          }
        },
      })
      outgoing.resume()
      await turn()
      await turn()
      assert.deepEqual(
        link.failures.map(({ code }) => code),
        ['ANAX_ERR_STORE'],
      )
    }
  })
})

describe('retained messages', () => {
  const topics = (count: number) => Array.from({ length: count }, (_, i) => numbered(String(i), 1).message)
  const subscribe = (session: ConstructorParameters<typeof SessionSubscription>[0], qos: 0 | 1 = 1) =>
    new SessionSubscription(session, { topic: '#', qos })

  it('are sent with RETAIN set, at the QoS of the subscription, as fast as the client reads', () => {
    const { outgoing, session, sent, deliveries } = attached({ retained: topics(3), quota: 2 })
    outgoing.replay(subscribe(session))
    assert.deepEqual(sent(), ['0 id 1', '1 id 2'])
    outgoing.transmitter.acknowledged(1, 'puback')
    outgoing.pump()
    assert.deepEqual(sent().at(-1), '2 id 3')
    assert(deliveries().every(({ retain }) => retain))
  })

  it('of a stored session go through its queue, never more at once than it can hold', () => {
    const { outgoing, session, sentTexts, enqueued } = attached({
      retained: topics(4),
      kept: true,
      limits: { maxMessages: 2 },
    })
    outgoing.replay(subscribe(session))
    assert.deepEqual([enqueued.length, sentTexts()], [2, ['0', '1']])
    outgoing.transmitter.acknowledged(1, 'puback')
    outgoing.pump()
    assert.deepEqual([enqueued.length, sentTexts()], [3, ['0', '1', '2']])
  })

  it('never wait for a slow store in greater number than the queue can hold', async () => {
    const { outgoing, session, enqueued } = attached({
      retained: topics(50),
      kept: true,
      limits: { maxMessages: 10 },
      enqueue: turn,
    })
    outgoing.replay(subscribe(session))
    assert.equal(enqueued.length, 10)
  })

  for (const how of ['throws', 'rejects'] as const) {
    it(`that the queue refuses are dropped with an event if the store ${how}`, async () => {
      const full = new AnaxError('ANAX_ERR_QUOTA')
      const { outgoing, session, drops, link } = attached({
        retained: topics(2),
        kept: true,
        enqueue: () => {
          if (how === 'throws') throw full
          return Promise.reject(full)
        },
      })
      outgoing.replay(subscribe(session))
      await turn()
      assert.deepEqual(drops, ['0 queue-full', '1 queue-full'])
      assert.deepEqual(link.failures, [])
      outgoing.deliver(numbered('live', 0))
    })

    it(`end the connection if the store fails otherwise and ${how}`, async () => {
      const broken = new Error('broken')
      const { outgoing, session, link } = attached({
        retained: topics(1),
        kept: true,
        enqueue: () => {
          if (how === 'throws') throw broken
          return Promise.reject(broken)
        },
      })
      outgoing.replay(subscribe(session))
      await turn()
      assert.deepEqual(
        link.failures.map(({ code }) => code),
        ['ANAX_ERR_STORE'],
      )
    })
  }

  it('start from the beginning for a filter that is subscribed again, so that SUBSCRIBEs do not accumulate', () => {
    let asked = 0
    const retained = () => {
      asked++
      return topics(4)
    }
    const { outgoing, session, link, sentTexts } = attached({ retained, quota: 2 })
    outgoing.replay(subscribe(session))
    link.ready = false
    for (let i = 0; i < 10_000; i++) outgoing.replay(subscribe(session, 0))
    link.ready = true
    outgoing.pump()
    assert.deepEqual([asked, sentTexts()], [2, ['0', '1', '0', '1', '2', '3']])
  })

  it('stop when their filter is unsubscribed', () => {
    const { outgoing, session, link, sentTexts } = attached({ retained: topics(4), quota: 2 })
    const subscription = subscribe(session)
    session.attach(link, 2)
    outgoing.replay(subscription)
    outgoing.endReplay('other')
    outgoing.endReplay(subscription.topic)
    outgoing.transmitter.acknowledged(1, 'puback')
    outgoing.pump()
    assert.deepEqual(sentTexts(), ['0', '1'])
    outgoing.deliver(numbered('live', 0))
    assert.deepEqual(sentTexts(), ['0', '1', 'live'])
  })

  for (const [what, retainedNow, expected] of [
    ['a newer one', 'newer', ['newer', 'newer', 'other topic']],
    ['one that removes it', undefined, ['', 'other topic']],
  ] as const) {
    it(`are read again if ${what} arrives live after they were read`, async () => {
      const old = numbered('old', 0).message
      const other = numbered('other topic', 0).message
      other.topic = 'other'
      let stored: Message[] = [old, other]
      const { outgoing, session, link, sentTexts } = attached({
        retained: async function* () {
          yield* stored
        },
      })
      outgoing.replay(subscribe(session, 0))
      link.ready = false
      await turn()
      const newer = numbered(retainedNow ?? '', 0)
      newer.message.retain = true
      stored = retainedNow === undefined ? [] : [newer.message]
      outgoing.deliver(newer)
      link.ready = true
      outgoing.pump()
      await turn()
      assert.deepEqual(sentTexts(), expected)
    })
  }

  it('have a limit per turn of the event loop, even if more is published in that turn', async () => {
    const { outgoing, session, sentTexts } = attached({ retained: topics(3000), quota: 65_535 })
    outgoing.replay(subscribe(session, 0))
    // half of a turn is reserved for input from sockets
    for (const expected of [500, 750, 1000, 1250]) {
      for (let i = 0; i < 10; i++) outgoing.pump()
      assert.equal(sentTexts().length, expected)
      await turn()
    }
  })

  it('by the thousand do not block the event loop', async () => {
    const { outgoing, session, sentTexts } = attached({ retained: topics(1200), quota: 65_535 })
    outgoing.replay(subscribe(session, 0))
    for (const expected of [500, 750, 1000, 1200]) {
      assert.equal(sentTexts().length, expected)
      await turn()
    }
  })
})

describe('a session that ends', () => {
  it('leaves messages of shared subscriptions to other members, unless they are stored or have QoS 2 and were sent', () => {
    const { outgoing, drops } = attached({ quota: 2 })
    const shared = (text: string, qos: 0 | 1 | 2) => numbered(text, qos, 0, '$share/g/t')
    for (const delivery of [shared('1', 1), shared('2', 2), shared('3', 2), shared('4', 0), numbered('own', 1)]) {
      outgoing.deliver(delivery)
    }
    assert.deepEqual(
      outgoing.close().map(({ message, share }) => `${message.payload} ${share}`),
      ['1 $share/g/t', '3 $share/g/t', '4 $share/g/t'],
    )
    assert.deepEqual(drops, ['own disconnected'])
    const stored = attached({ kept: true })
    stored.outgoing.deliver(shared('1', 1))
    stored.link.ready = false
    stored.outgoing.deliver(shared('2', 0))
    assert.deepEqual(
      stored.outgoing.close().map(({ message }) => String(message.payload)),
      ['2'],
    )
  })

  it('leaves sent messages in the order of their numbers, not of their packet ids', () => {
    const { outgoing } = attached({})
    const texts = Array.from({ length: 19 }, (_, i) => String(i))
    for (const text of texts) {
      outgoing.deliver(numbered(text, 1, undefined, '$share/g/t'))
      if (Number(text) < 12) outgoing.transmitter.acknowledged(Number(text) + 1, 'puback')
    }
    assert.deepEqual(
      outgoing.close().map(({ message }) => String(message.payload)),
      texts.slice(12),
    )
  })

  it('sends nothing more', () => {
    const { outgoing, link, sent } = attached({})
    link.ready = false
    outgoing.deliver(numbered('1', 0))
    outgoing.close()
    link.ready = true
    outgoing.pump()
    assert.deepEqual(sent(), [])
  })
})
