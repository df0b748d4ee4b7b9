/** Which processes are gone: not those of which this node has not heard yet. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Membership } from '../../../lib/nats/nodes/membership.js'
import { ShardSubjects } from '../../../lib/nats/wire/subjects.js'
import type { OutgoingRecord, StoredRecord, Wire } from '../../../lib/nats/wire/wire.js'

const subjects = new ShardSubjects('test', 0)
const recordOf = (epoch: string, sequence: number, left?: true): StoredRecord => ({
  subject: 'node.other',
  sequence,
  body: Buffer.from(JSON.stringify({ epoch, left })),
  time: 0,
})

/** @param stored the record of the other node, as the leader has it, and whose fence there is */
function membershipOf(stored: { node: StoredRecord | undefined; fence: string }) {
  const fenced: string[] = []
  const changes: string[] = []
  const wire = {
    async last(_: string, subject: string) {
      return subject === 'node.other' ? stored.node : { subject, sequence: 1, body: Buffer.from(stored.fence), time: 0 }
    },
    async write({ subject }: OutgoingRecord) {
      fenced.push(subject)
      return { seq: 2 }
    },
  } as unknown as Wire
  const membership = new Membership({
    wire,
    self: { node: 'self', epoch: 'own', isGuest: false },
    stream: 'nodes',
    shards: [{ stream: 's', subjects }],
    subjectOf: node => `node.${node}`,
    leaseMs: 10_000,
    changed: ({ node, change }) => changes.push(`${node} ${change}`),
    repartitioned: () => {},
    failed: error => assert.fail(error),
  })
  return { membership, fenced, changes }
}

test('a node that has just started with the name of a killed one is not fenced', async () => {
  const { membership, fenced, changes } = membershipOf({ node: recordOf('second', 2), fence: 'second' })
  membership.read('other', recordOf('first', 1))
  // a client of it moves here before its record does
  assert.equal(await membership.isGone('other', 'second'), false)
  assert.deepEqual(fenced, [])
  assert.equal(membership.isAlive('other', 'second'), true)
  assert.deepEqual(changes, ['other joined', 'other lost', 'other joined'])
  assert.equal(await membership.isGone('other', 'first'), true)
  assert.deepEqual(fenced, [])
  membership.stop()
})

test('a node whose record is different, missing or marked as left is gone and fenced', async () => {
  for (const node of [recordOf('another', 2), undefined, recordOf('gone', 2, true)]) {
    const { membership, fenced } = membershipOf({ node, fence: 'gone' })
    assert.equal(await membership.isGone('other', 'gone'), true)
    assert.deepEqual(fenced, [subjects.fence('other')])
    membership.stop()
  }
})

test('a fenced node does not return with an older record', async () => {
  const stored = { node: undefined as StoredRecord | undefined, fence: 'gone' }
  const { membership, changes } = membershipOf(stored)
  await membership.isGone('other', 'gone')
  membership.read('other', recordOf('gone', 2))
  assert.equal(membership.isAlive('other', 'gone'), false)
  assert.deepEqual(changes, [])
  membership.stop()
})
