/** Messages of a shared subscription that its member does not get. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { attached, numbered } from './outgoing-fixture.js'

for (const [overflow, dropped] of [
  ['drop-newest', [3, 4, 5]],
  ['drop-oldest', [1, 2, 5]],
] as const) {
  test(`a message that is dropped is done: nobody waits for its acknowledgement (${overflow})`, () => {
    const limits = { maxMessages: 2, overflow }
    const { outgoing, link, sharedDone } = attached({ limits, options: { maxOutboxBytes: 1 } })
    link.ready = false
    for (const number of [1, 2, 3, 4]) outgoing.deliver(numbered('x', 1, number, '$share/g/t'))
    outgoing.deliver(numbered('x', 0, 5, '$share/g/t'))
    assert.deepEqual(sharedDone, dropped)
  })
}
