/** Writes that are owed: those that failed, until they work, each whatever becomes of the others. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { OwedWrites } from '../../../lib/broker/sessions/owed-writes.js'

/** Writes of which some fail. */
function fixture() {
  let noted = 0
  const owed = new OwedWrites(() => noted++)
  const broken = new Set<string>()
  const written: string[] = []
  const write = (name: string) => () => {
    if (broken.has(name)) throw new Error(name)
    written.push(name)
  }
  return { owed, broken, written, write, noted: () => noted }
}

describe('a write', () => {
  it('that works is not owed', async () => {
    const { owed, write, written, noted } = fixture()
    await owed.carryOut('c', write('session'))
    assert.deepEqual([written, owed.clients, owed.has('c'), noted()], [['session'], [], false, 0])
  })

  it('that fails is owed, and whoever asked is told', async () => {
    const { owed, broken, write, noted } = fixture()
    broken.add('session')
    await assert.rejects(owed.carryOut('c', write('session')), { message: 'session' })
    assert.deepEqual([owed.clients, owed.has('c'), noted()], [['c'], true, 1])
  })

  it('is tried again until it works, and no further', async () => {
    const { owed, broken, write, written } = fixture()
    broken.add('session')
    await assert.rejects(owed.carryOut('c', write('session')))
    await assert.rejects(owed.settle('c'), { message: 'session' })
    broken.clear()
    await owed.settle('c')
    await owed.settle('c')
    assert.deepEqual([written, owed.clients], [['session'], []])
  })

  it('that fails again keeps no other of its client from being carried out', async () => {
    const { owed, broken, write, written } = fixture()
    for (const name of ['will', 'session']) broken.add(name)
    for (const name of broken) await assert.rejects(owed.carryOut('c', write(name)))
    broken.delete('session')
    await assert.rejects(owed.settle('c'), { message: 'will' })
    assert.deepEqual(written, ['session'])
    broken.clear()
    await owed.settle('c')
    assert.deepEqual(written, ['session', 'will'])
  })
})
