/** Steps that are awaited until they are done or aborted. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Aborter } from '../../../lib/util/scheduling/aborter.js'

const reason = new Error('enough')

test('a step is awaited unless it is aborted', async () => {
  const aborter = new Aborter()
  assert.equal(await aborter.unlessAborted(1), 1)
  assert.equal(await aborter.unlessAborted(Promise.resolve(2)), 2)
  await assert.rejects(aborter.unlessAborted(Promise.reject(new Error('failed'))), /failed/)
})

test('the first abort ends all waiting, with its reason', async () => {
  const aborter = new Aborter()
  const { signal } = aborter
  const steps = [1, 2].map(() => aborter.unlessAborted(new Promise(() => {})))
  aborter.abort(reason)
  aborter.abort(new Error('later'))
  for (const step of steps) await assert.rejects(step, reason)
  assert.equal(signal.reason, reason)
  await assert.rejects(aborter.unlessAborted(3), reason)
  await assert.rejects(aborter.unlessAborted(Promise.resolve(4)), reason)
  assert.throws(() => aborter.throwIfAborted(), reason)
  assert.equal(new Aborter().signal.aborted, false)
})

test('a signal that is requested after the abort is aborted', () => {
  const aborter = new Aborter()
  aborter.abort(reason)
  assert.deepEqual([aborter.signal.aborted, aborter.signal.reason], [true, reason])
})
