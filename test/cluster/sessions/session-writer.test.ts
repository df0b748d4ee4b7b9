/** A session that is released is written by the release, and by nothing after it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClusterLink } from '../../../lib/cluster/cluster-link.js'
import type { OwnedSession } from '../../../lib/cluster/sessions/owned-session.js'
import { SessionWriter } from '../../../lib/cluster/sessions/session-writer.js'

test('a change that waits for another write is written together with the release of the session', async () => {
  const writes: (() => void)[] = []
  const node = { write: () => new Promise<void>(resolve => writes.push(resolve)) }
  const writer = new SessionWriter({ node } as unknown as ClusterLink, error => assert.fail(String(error)))
  const owned = { progressRecord: () => Buffer.from('1') } as unknown as OwnedSession
  const first = writer.writeNow(owned)
  const second = writer.writeNow(owned)
  writer.end(owned)
  writes[0]!()
  await Promise.all([first, second])
  assert.equal(writes.length, 1)
})
