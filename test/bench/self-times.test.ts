/** The result of a sampling profile: self time of functions, without idle time and the profiler's own work. */
import assert from 'node:assert/strict'
import type { Profiler } from 'node:inspector'
import { describe, it } from 'node:test'
import { selfTimes } from '../../bench/profile/self-times.js'

const PROFILER = 'file:///bench/profiler.js'

function node(id: number, functionName: string, url: string, children: number[] = []): Profiler.ProfileNode {
  return { id, callFrame: { functionName, url, scriptId: '0', lineNumber: 0, columnNumber: 0 }, children }
}

const nodes = [
  node(1, '(root)', '', [2, 3, 4, 6]),
  node(2, '(idle)', ''),
  node(3, 'publish', 'file:///lib/a.js', [5]),
  node(4, 'stop', PROFILER, [7]),
  node(5, 'emit', 'node:events', [8]),
  node(6, 'emit', 'node:events'),
  node(7, 'dispatch', ''),
  node(8, 'publish', 'file:///lib/a.js'),
]

function profile(samples: [id: number, micros: number][]): Profiler.Profile {
  return {
    nodes,
    startTime: 0,
    endTime: 1000,
    samples: samples.map(([id]) => id),
    timeDeltas: samples.map(([, micros]) => micros),
  }
}

describe('the self times of a profile', () => {
  it('are summed over all stacks in which a function was on top', () => {
    const times = selfTimes(
      profile([
        [3, 200],
        [5, 150],
        [6, 50],
        [8, 100],
      ]),
      0,
      PROFILER,
    )
    assert.deepEqual(times, [
      { name: 'publish', url: 'file:///lib/a.js', micros: 300 },
      { name: 'emit', url: 'node:events', micros: 200 },
    ])
  })

  it('leave out the time of the profiler itself', () => {
    const times = selfTimes(
      profile([
        [4, 100],
        [7, 900],
        [6, 10],
      ]),
      0,
      PROFILER,
    )
    assert.deepEqual(times, [{ name: 'emit', url: 'node:events', micros: 10 }])
  })

  it('count as polling the CPU time of a thread that the profile shows as idle', () => {
    const samples = profile([
      [2, 300],
      [2, 300],
    ])
    assert.deepEqual(selfTimes(samples, 450, PROFILER), [{ name: '(polling)', url: '', micros: 150 }])
    assert.deepEqual(selfTimes(samples, 700, PROFILER), [])
  })
})
