/**
 * A node that leaves first waits for a pending renewal of its lease, and sends none afterwards. A renewal that fails is
 * retried soon.
 */
import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { NatsLease } from '../../../lib/nats/nodes/lease.js'
import { type OutgoingRecord, RefusedRequest, type Wire, type WriteOptions } from '../../../lib/nats/wire/wire.js'

const LEASE_MS = 6000

test('a node leaves while its lease is being renewed', async () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    const written: [left: boolean, expected: number | undefined][] = []
    const answers: ((seq: number) => void)[] = []
    const write = ({ body }: OutgoingRecord, { expect }: WriteOptions) => {
      written.push([JSON.parse(body.toString()).left === true, expect?.sequence])
      return new Promise<{ seq: number }>(resolve => answers.push(seq => resolve({ seq })))
    }
    const lease = new NatsLease({
      wire: { write } as unknown as Wire,
      failed: error => assert.fail(error),
      leaseMs: LEASE_MS,
      stream: 'nodes',
      subject: 'node.one',
      epoch: 'epoch',
      isGuest: false,
      renewed() {},
    })
    const taken = lease.take()
    answers.shift()!(1)
    await taken
    assert.ok(lease.isValid)

    mock.timers.tick(LEASE_MS / 6)
    const left = lease.leave()
    assert.ok(!lease.isValid)
    answers.shift()!(2)
    while (answers.length === 0) await Promise.resolve()
    answers.shift()!(3)
    await left
    assert.ok(!lease.isValid)
    mock.timers.tick(LEASE_MS * 2)
    assert.deepEqual(written, [
      [false, undefined],
      [false, 1],
      [true, 2],
    ])
    assert.ok(!lease.lost.aborted, 'it left by itself')
  } finally {
    mock.timers.reset()
  }
})

test('a renewal that servers without a leader refuse is retried long before the next one is due', async () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    let hasLeader = true
    let written = 0
    const write = async () => {
      written++
      if (!hasLeader) throw new RefusedRequest(503, 'no leader')
      return { seq: written }
    }
    const pass = async (ms: number) => {
      mock.timers.tick(ms)
      for (let i = 0; i < 10; i++) await Promise.resolve()
      return written
    }
    const lease = new NatsLease({
      wire: { write } as unknown as Wire,
      failed: () => {},
      leaseMs: LEASE_MS,
      stream: 'nodes',
      subject: 'node.one',
      epoch: 'epoch',
      isGuest: false,
      renewed() {},
    })
    await lease.take()
    hasLeader = false
    assert.equal(await pass(LEASE_MS / 6), 2)
    hasLeader = true
    assert.deepEqual([await pass(200), await pass(200)], [3, 3])
    await lease.leave()
  } finally {
    mock.timers.reset()
  }
})
