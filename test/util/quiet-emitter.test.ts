/** An emitter without a table of listeners behaves like any of Node's, before and after it gets one. */
import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { describe, it } from 'node:test'
import { QuietEmitter } from '../../lib/util/quiet-emitter.js'

class Bell extends QuietEmitter<{ ring: [loudness: number]; error: [Error] }> {}

describe('a quiet emitter', () => {
  it('has no listeners and needs none', () => {
    const bell = new Bell()
    assert.equal(bell.emit('ring', 1), false)
    assert.deepEqual([bell.listenerCount('ring'), bell.eventNames(), bell.rawListeners('ring')], [0, [], []])
    bell.off('ring', () => {}).removeAllListeners()
    assert.throws(() => bell.emit('error', new Error('cracked')), /cracked/)
  })

  it('keeps its listeners to itself, and calls them as any emitter does', async () => {
    const bell = new Bell()
    const other = new Bell()
    const heard: number[] = []
    const listener = (loudness: number) => heard.push(loudness)
    const next = once(bell, 'ring')
    bell.on('ring', listener)
    assert.equal(bell.emit('ring', 1), true)
    assert.equal(other.emit('ring', 2), false)
    assert.deepEqual(await next, [1])
    bell.off('ring', listener)
    assert.equal(bell.emit('ring', 3), false)
    assert.deepEqual(heard, [1])
    assert.ok(bell instanceof EventEmitter)
  })
})
