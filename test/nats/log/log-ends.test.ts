/** Where the log ends for a node: never before a message that a replica has delivered, even if the leader is behind. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LogEnds } from '../../../lib/nats/log/log-ends.js'
import { LogReader } from '../../../lib/nats/log/log-reader.js'
import { ShardSubjects } from '../../../lib/nats/wire/subjects.js'
import type { Wire } from '../../../lib/nats/wire/wire.js'

const subjects = new ShardSubjects('test', 0)
const shards = [{ stream: 's', subjects, anchor: subjects.fence('node') }]
const record = { subject: subjects.log('t'), sequence: 5, body: Buffer.from([0, 0, 0, 2, 0x7b, 0x7d]), time: 0 }

/** A leader that has come to 4, and to 5 once it was asked some times how far it is. */
function leaderBehind() {
  let asked = 0
  const hasAll = () => asked >= 3
  const wire = {
    end: async () => (++asked >= 3 ? 5 : 4),
    last: async () => ({ ...record, sequence: hasAll() ? 5 : 4 }),
    at: async () => (hasAll() ? record : undefined),
    lastOf: async () => 'too many',
    next: async (_: string, from: number, subject: string) =>
      hasAll() && from <= 5 && subject === record.subject ? record : undefined,
    nextOf: async () => [],
  } as unknown as Wire
  return { wire, asked: () => asked }
}

test('the end of the log is never before messages that were read, which may have expired', async () => {
  const { wire, asked } = leaderBehind()
  const ends = new LogEnds(wire, shards)
  assert.deepEqual(await ends.read(), [4])
  ends.brought(0, 5)
  assert.deepEqual([await ends.read(), asked()], [[5], 0])
})

test('readers wait until the leader has all messages that were delivered, with one shared request', async () => {
  const { wire, asked } = leaderBehind()
  const reader = new LogReader(wire, shards, () => 5)
  const sequences = async () => {
    const found: number[] = []
    for await (const { position } of reader.read(0, ['t'], 3, 5)) found.push(position.sequence)
    return found
  }
  assert.deepEqual(await Promise.all([sequences(), sequences()]), [[5], [5]])
  assert.equal(asked(), 3)
})

test('a message that the leader does not have yet does not count as trimmed', async () => {
  const { wire } = leaderBehind()
  const reader = new LogReader(wire, shards, () => 5)
  assert.equal(await reader.entry({ shard: 0, sequence: 6 }), undefined)
  assert.equal((await reader.entry({ shard: 0, sequence: 5 }))?.message.topic, 't')
})
