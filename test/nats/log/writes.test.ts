/** The messages that are written for one client: of one whose identifier is too long for a subject, it is a record. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { joinParts } from '../../../lib/nats/log/record-parts.js'
import { recordsOf } from '../../../lib/nats/log/writes.js'
import { ShardSubjects } from '../../../lib/nats/wire/subjects.js'
import type { ClusterWrite } from '../../../types/cluster.js'

const subjects = new ShardSubjects('anax', 0)
const CLIENT_ID = 'x'.repeat(300)

/** The stored records of a client, by name, as a server would have them. */
function storeOf(clientId: string) {
  const stored = new Map<string, Uint8Array>()
  const partCounts = new Map<string, number>()
  const write = (records: ClusterWrite['records']) => {
    const options = { subjects, clientId, logSeconds: 60, maxBodyBytes: 1000, partCounts }
    for (const { subject, body, ttl } of recordsOf({ records: records! }, options)) {
      const name = subject.split('.').at(-1)!
      assert.equal(ttl === undefined, body.length > 0, 'what is removed expires')
      if (body.length === 0) stored.delete(name)
      else stored.set(name, body)
    }
    return [...stored.keys()].sort()
  }
  /** Another node owns the client. */
  const load = () => {
    partCounts.clear()
    joinParts(stored, partCounts)
  }
  return { write, load }
}

const BYTES = Buffer.from('x')

test('a long identifier is stored for as long as its client has a record', () => {
  const { write, load } = storeOf(CLIENT_ID)
  assert.deepEqual(write({ s: BYTES }), ['-id', 's'])
  assert.deepEqual(write({ x1: BYTES, c: BYTES }), ['-id', 'c', 's', 'x1'])
  load()
  assert.deepEqual(write({ x1: undefined }), ['-id', 'c', 's'])
  assert.deepEqual(write({ s: undefined, c: undefined }), [])
  assert.deepEqual(write({ s: undefined }), [])
  assert.deepEqual(write({ s: BYTES }), ['-id', 's'])
})

test('a record with several parts loses those that it does not need any more, and all at its end', () => {
  const { write, load } = storeOf('short')
  assert.deepEqual(write({ s: Buffer.alloc(2500) }), ['s', 's-1', 's-2'])
  load()
  assert.deepEqual(write({ s: BYTES, c: BYTES }), ['c', 's'])
  assert.deepEqual(write({ s: Buffer.alloc(1500) }), ['c', 's', 's-1'])
  assert.deepEqual(write({ s: undefined, c: undefined }), [])
})
