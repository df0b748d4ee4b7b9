/** A session's records: one has its settings and its position in the log at the last release, another what came later. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OwnedSession } from '../../../lib/cluster/sessions/owned-session.js'

const claim = { clientId: 'client', token: 1 }

/** @param records those that the engine has */
function loaded(records: Record<string, Uint8Array | undefined>): OwnedSession {
  return new OwnedSession(claim, 2, new Map(Object.entries(records) as [string, Uint8Array][]))
}

function begun(): OwnedSession {
  const owned = loaded({})
  owned.session = { expiryInterval: 60 }
  owned.skipTo([3, 4])
  owned.incoming.add(7)
  return owned
}

test('one record contains the whole state of a released session', () => {
  const back = loaded({ s: begun().settingsRecord() })
  assert.deepEqual([back.cursor, [...back.incoming], back.hasProgressRecord], [[3, 4], [7], false])
})

test('of two records, the later one determines the position in the log', () => {
  const owned = begun()
  const settings = owned.settingsRecord()
  owned.skipTo([5, 4])
  owned.incoming.clear()
  const progress = owned.progressRecord()
  assert.equal(owned.hasProgressRecord, true)
  owned.skipTo([5, 6])
  owned.incoming.add(8)
  const later = owned.settingsRecord()
  for (const records of [
    { s: settings, c: progress },
    { c: progress, s: settings },
  ]) {
    const back = loaded(records)
    assert.deepEqual([back.cursor, [...back.incoming], back.hasProgressRecord], [[5, 4], [], true])
  }
  for (const records of [
    { s: later, c: progress },
    { c: progress, s: later },
  ]) {
    const back = loaded(records)
    assert.deepEqual([back.cursor, [...back.incoming]], [[5, 6], [8]])
    // what it writes next is newer than both
    const again = loaded({ ...records, c: back.progressRecord() })
    assert.deepEqual([again.cursor, [...again.incoming]], [[5, 6], [8]])
  }
})

test('a session reads the log up to where its node reads all of its filters, or to newer messages', () => {
  const owned = begun()
  const arrived = (shard: number) => [10, 2][shard]!
  assert.deepEqual(owned.missesUpTo({ since: () => undefined, arrived }), [10, 2])
  owned.subscribe({ topic: 'a', qos: 1 } as never, [0, 0])
  owned.subscribe({ topic: 'b', qos: 2 } as never, [0, 0])
  owned.subscribe({ topic: 'live only', qos: 0 } as never, [0, 0])
  const since: Record<string, number[]> = { a: [12, 1], b: [9, 8] }
  assert.deepEqual(owned.missesUpTo({ since: topic => since[topic], arrived }), [12, 8])
  delete since.b
  assert.equal(owned.missesUpTo({ since: topic => since[topic], arrived }), undefined)
})
