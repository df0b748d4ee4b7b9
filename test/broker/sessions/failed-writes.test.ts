/** Failed writes: they are retried until they succeed, even if others fail. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FailedWrites } from '../../../lib/broker/sessions/failed-writes.js'

/** Writes of which some fail. */
function fixture() {
  let noted = 0
  const failed = new FailedWrites(() => noted++)
  const broken = new Set<string>()
  const written: string[] = []
  const write = (name: string) => () => {
    if (broken.has(name)) throw new Error(name)
    written.push(name)
  }
  return { failed, broken, written, write, noted: () => noted }
}

describe('a write', () => {
  it('that succeeds is not retried', async () => {
    const { failed, write, written, noted } = fixture()
    await failed.attempt('c', write('session'))
    assert.deepEqual([written, failed.clients, failed.has('c'), noted()], [['session'], [], false, 0])
  })

  it('that fails is kept for a retry, and its caller gets the error', async () => {
    const { failed, broken, write, noted } = fixture()
    broken.add('session')
    await assert.rejects(failed.attempt('c', write('session')), { message: 'session' })
    assert.deepEqual([failed.clients, failed.has('c'), noted()], [['c'], true, 1])
  })

  it('is retried until it succeeds', async () => {
    const { failed, broken, write, written } = fixture()
    broken.add('session')
    await assert.rejects(failed.attempt('c', write('session')))
    await assert.rejects(failed.retry('c'), { message: 'session' })
    broken.clear()
    await failed.retry('c')
    await failed.retry('c')
    assert.deepEqual([written, failed.clients], [['session'], []])
  })

  it('that fails again does not prevent other writes of its client', async () => {
    const { failed, broken, write, written } = fixture()
    for (const name of ['will', 'session']) broken.add(name)
    for (const name of broken) await assert.rejects(failed.attempt('c', write(name)))
    broken.delete('session')
    await assert.rejects(failed.retry('c'), { message: 'will' })
    assert.deepEqual(written, ['session'])
    broken.clear()
    await failed.retry('c')
    assert.deepEqual(written, ['session', 'will'])
  })
})
