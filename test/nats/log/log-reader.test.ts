/** Records are read from replicas; if they are behind, the answer of the leader counts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LogReader } from '../../../lib/nats/log/log-reader.js'
import { ShardSubjects } from '../../../lib/nats/wire/subjects.js'
import type { StoredRecord, Wire } from '../../../lib/nats/wire/wire.js'

const subjects = new ShardSubjects('test', 0)
const subject = subjects.record('client', 's')

function record(sequence: number, text: string): StoredRecord {
  return { subject, sequence, body: Buffer.from(text), time: 0 }
}

/** A stream whose only replica that answers has stopped at sequence 5. The leader has replaced its record since. */
const wire = {
  lastOf: () => Promise.resolve({ records: [record(5, 'old')], upTo: 5 }),
  end: () => Promise.resolve(9),
  next: (_: string, from: number) => Promise.resolve(from <= 9 ? record(9, 'new') : undefined),
  nextOf: (_: string, from: number) => Promise.resolve(from <= 5 ? [record(5, 'old')] : []),
} as unknown as Wire

const shards = [{ stream: 'test_0', subjects, anchor: subjects.fence('node') }]
const reader = new LogReader(wire, shards, () => 0)
const textsAt = async (atLeast: number) =>
  (await reader.latest(0, [subjects.record('client', '*')], atLeast)).map(({ body }) => Buffer.from(body).toString())

test('the answer of a replica that is up to date is accepted', async () => {
  assert.deepEqual(await textsAt(5), ['old'])
})

test('the answer of a replica that lags behind is not accepted', async () => {
  assert.deepEqual(await textsAt(9), ['new'])
})
