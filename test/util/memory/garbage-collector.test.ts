/** That V8 does what it is asked for, and tells what it has done. */
import assert from 'node:assert/strict'
import { constants, type NodeGCPerformanceDetail, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks'
import { describe, it } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { runInNewContext } from 'node:vm'
import { collectAllObjects, collectYoungObjects, onFullCollection } from '../../../lib/util/memory/garbage-collector.js'

describe('the garbage collector', () => {
  for (const [what, collect, kind] of [
    ['young objects', collectYoungObjects, constants.NODE_PERFORMANCE_GC_MINOR],
    ['all objects', collectAllObjects, constants.NODE_PERFORMANCE_GC_MAJOR],
  ] as const) {
    it(`collects ${what} when it is asked to`, async () => {
      let isSeen = false
      const observer = new PerformanceObserver(list => {
        isSeen ||= list.getEntries().some(entry => isForced(entry, kind))
      })
      observer.observe({ entryTypes: ['gc'] })
      const exposed = runInNewContext('typeof gc')
      collect()
      assert.equal(runInNewContext('typeof gc'), exposed)
      while (!isSeen) await nextTurn()
      observer.disconnect()
    })
  }

  it('reports a full collection once, and no other kinds', async () => {
    const { collect } = await import('../../support/collect.js')
    let calls = 0
    onFullCollection(() => calls++)
    await nextTurn()
    collectYoungObjects()
    await nextTurn()
    assert.equal(calls, 0)
    while (calls === 0) {
      collect()
      await nextTurn()
    }
    collect()
    await nextTurn()
    assert.equal(calls, 1)
  })
})

function isForced(entry: PerformanceEntry, wanted: number): boolean {
  const { kind, flags = 0 } = (entry as { detail?: unknown }).detail as NodeGCPerformanceDetail
  return kind === wanted && (flags & constants.NODE_PERFORMANCE_GC_FLAGS_FORCED) !== 0
}
