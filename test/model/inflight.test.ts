/** Packet ids in flight: each is used once, found, and free afterwards; compared with a Map. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { PublishMessage } from '../../lib/codec/publish-message.js'
import { Delivery } from '../../lib/model/delivery.js'
import { Inflight, Sent } from '../../lib/model/inflight.js'
import type { QoS } from '../../types/message/packets.js'
import { collect } from '../support/collect.js'
import { runs } from '../support/effort.js'

const LARGEST = 65_535

function sent(counter = 0): Sent {
  return new Sent({ brokerId: 'b', brokerCounter: counter }, undefined)
}

describe('packet ids', () => {
  it('start at 1 and are consecutive', () => {
    const inflight = new Inflight(100)
    assert.deepEqual([inflight.add(sent()), inflight.add(sent()), inflight.add(sent())], [1, 2, 3])
  })

  it('wrap around after 65535, skipping 0 and those in use', () => {
    const inflight = new Inflight(100)
    const kept = inflight.add(sent())
    for (let i = 2; i <= LARGEST; i++) inflight.remove(inflight.add(sent()))
    const next = inflight.add(sent())
    assert.notEqual(next, kept)
    assert(next > 0 && next <= LARGEST)
    assert.equal(inflight.size, 2)
  })

  it('are each used once if the quota is that large', () => {
    const inflight = new Inflight(LARGEST)
    const ids = new Set<number>()
    for (let i = 0; i < LARGEST; i++) {
      assert.equal(inflight.hasQuota, true)
      ids.add(inflight.add(sent()))
    }
    assert.equal(ids.size, LARGEST)
    assert.equal(ids.has(0), false)
    assert.equal(inflight.hasQuota, false)
    inflight.remove(777)
    assert.equal(inflight.add(sent()), 777)
  })

  it('continue after those of a resumed session', () => {
    const inflight = new Inflight(100)
    inflight.restore(40, sent())
    inflight.restore(41, sent())
    assert.equal(inflight.add(sent()), 42)
  })

  it('use no memory when nothing is in flight', () => {
    collect()
    const before = process.memoryUsage().heapUsed
    const idle = Array.from({ length: 1000 }, () => {
      const inflight = new Inflight(1000)
      const ids = Array.from({ length: 1000 }, () => inflight.add(sent()))
      for (const id of ids) inflight.remove(id)
      return inflight
    })
    collect()
    // room for a thousand takes 16 KB
    assert.ok((process.memoryUsage().heapUsed - before) / idle.length < 2000)
    assert.deepEqual(new Set(idle.map(inflight => inflight.add(sent()))), new Set([1001]))
  })

  it('of a resumed session are found, however far apart', () => {
    const inflight = new Inflight(100)
    const ids = [1, 17, 33, 32_769, 65_535, 16, 65_520]
    const messages = ids.map(id => sent(id))
    for (const [i, id] of ids.entries()) inflight.restore(id, messages[i]!)
    for (const [i, id] of ids.entries()) assert.equal(inflight.get(id), messages[i])
    assert.equal(inflight.size, ids.length)
  })

  it('of a resumed session use no more memory if they are far apart', () => {
    collect()
    const before = process.memoryUsage().heapUsed
    const resumed = Array.from({ length: 100 }, () => {
      const inflight = new Inflight(100)
      inflight.restore(5, sent())
      inflight.restore(32_773, sent())
      inflight.add(sent())
      return inflight
    })
    collect()
    assert.ok((process.memoryUsage().heapUsed - before) / resumed.length < 4000)
  })

  it('are found if those of a resumed session leave only few that are far apart', () => {
    const inflight = new Inflight(LARGEST)
    const free = new Set<number>()
    for (let id = 1; id <= LARGEST; id++) {
      if (id % 4096 === 1) free.add(id)
      else inflight.restore(id, sent())
    }
    const added = new Set(Array.from(free, () => inflight.add(sent())))
    assert.deepEqual([...added].sort(), [...free].sort())
    assert.equal(inflight.hasQuota, false)
  })

  it('that are not in use are not found, even if they share a slot with one that is', () => {
    const inflight = new Inflight(100)
    const id = inflight.add(sent())
    assert.equal(inflight.get(id + 16), undefined)
    inflight.remove(id + 16)
    assert.equal(inflight.size, 1)
    assert.equal(new Inflight(1).get(0), undefined)
  })
})

describe('the quota', () => {
  it('is used by messages in flight, and free again when they are completed', () => {
    const inflight = new Inflight(2)
    const one = inflight.add(sent())
    inflight.add(sent())
    assert.equal(inflight.hasQuota, false)
    inflight.remove(one)
    inflight.remove(one)
    assert.equal(inflight.hasQuota, true)
    assert.equal(inflight.size, 1)
  })
})

describe('the awaited acknowledgement', () => {
  it('follows from the QoS, and is PUBCOMP once the message is released', () => {
    const message = new PublishMessage('t', Buffer.alloc(0), 2, false, false, undefined, undefined)
    const awaits = (qos: QoS) => new Sent(message, new Delivery(message, qos, false, undefined, undefined)).awaits
    assert.deepEqual([awaits(1), awaits(2), sent().awaits], ['puback', 'pubrec', 'pubcomp'])
  })
})

describe('the messages in flight', () => {
  it('are those that a Map would contain, after any number of steps', () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.constant({ do: 'add' as const, pick: 0 }) },
      { weight: 4, arbitrary: fc.record({ do: fc.constant('remove' as const), pick: fc.nat(1000) }) },
      {
        weight: 1,
        arbitrary: fc.record({ do: fc.constant('restore' as const), pick: fc.integer({ min: 1, max: LARGEST }) }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('remove any' as const), pick: fc.nat(70_000) }) },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), steps => {
        const inflight = new Inflight(1000)
        const model = new Map<number, Sent>()
        for (const [i, { do: what, pick }] of steps.entries()) {
          if (what === 'add') {
            const one = sent(i)
            const id = inflight.add(one)
            assert.equal(model.has(id), false, `${id} is in use`)
            assert(id >= 1 && id <= LARGEST)
            model.set(id, one)
          } else if (what === 'restore') {
            const one = sent(i)
            inflight.restore(pick, one)
            model.set(pick, one)
          } else {
            const id = what === 'remove' ? ([...model.keys()][pick % Math.max(1, model.size)] ?? 0) : pick
            inflight.remove(id)
            model.delete(id)
          }
        }
        assert.equal(inflight.size, model.size)
        for (const [id, one] of model) {
          assert.equal(inflight.get(id), one)
          assert.equal(one.packetId, id)
        }
        assert.deepEqual(new Set(inflight.all()), new Set(model.values()))
      }),
      { numRuns: runs(300) },
    )
  })
})
