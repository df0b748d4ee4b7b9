/**
 * Medians and confidence intervals of ratios: their values for known numbers, and how often they contain the true
 * ratio.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { geometricMean, type Interval, ratioInterval, student } from '../../bench/against/interval.js'
import { middle } from '../../bench/statistics.js'

/** Ratios with a log-normal distribution around the true one; the same for the same seed. */
function noisy(truth: number, spread: number, count: number, seed: number): number[] {
  let state = seed
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
  const bell = () => Array.from({ length: 12 }, random).reduce((sum, value) => sum + value, -6)
  return Array.from({ length: count }, () => truth * Math.exp(spread * bell()))
}

describe('a median', () => {
  it('is the middle value, or the mean of the two middle values', () => {
    assert.equal(middle([3, 1, 2]), 2)
    assert.equal(middle([4, 1, 3, 2]), 2.5)
    assert.equal(middle([7]), 7)
  })
})

const exact = (middle: number): Interval => ({ middle, low: middle, high: middle, error: 0 })

describe('a geometric mean', () => {
  it('of double and half is 1', () => {
    assert.equal(geometricMean([exact(2), exact(0.5)]).middle, 1)
    assert.ok(Math.abs(geometricMean([exact(1), exact(1.1), exact(1.21)]).middle - 1.1) < 1e-12)
  })

  it('is more certain than its rows', () => {
    const row = ratioInterval(noisy(1, 0.05, 10, 11))
    const { low, high } = geometricMean([row, row, row, row])
    assert.ok(high / low < Math.sqrt(row.high / row.low), `${low} to ${high}`)
  })
})

describe("Student's distribution", () => {
  it('agrees with published tables', () => {
    const table = { 5: 2.5706, 7: 2.3646, 10: 2.2281, 20: 2.086, 100: 1.984 }
    for (const [freedom, value] of Object.entries(table)) {
      assert.ok(Math.abs(student(1.959964, Number(freedom)) - value) < 0.004, freedom)
    }
  })
})

describe('the interval of a ratio', () => {
  it('is a point if all pairs agree', () => {
    const { middle, low, high } = ratioInterval(new Array(10).fill(1.02))
    for (const value of [middle, low, high]) assert.ok(Math.abs(value - 1.02) < 1e-12)
  })

  it('has no bounds with fewer than six pairs', () => {
    const { middle, low, high } = ratioInterval([1, 1, 1, 1, 1])
    assert.deepEqual([middle, low, high], [1, 0, Number.POSITIVE_INFINITY])
  })

  it('is the same for the same pairs', () => {
    const ratios = noisy(1, 0.05, 10, 1)
    assert.deepEqual(ratioInterval(ratios), ratioInterval(ratios))
  })

  it('changes little with disturbed pairs, two of ten on either side', () => {
    const quiet = noisy(1, 0.005, 8, 3)
    const { low, high } = ratioInterval([...quiet, 4, 9])
    assert.ok(low > 0.98 && high < 1.02, `${low} to ${high}`)
    assert.ok(ratioInterval([...quiet, 0.1, 0.2]).low > 0.98)
  })

  it('gets narrower with more pairs', () => {
    const widthOf = (count: number) => {
      const { low, high } = ratioInterval(noisy(1, 0.05, count, 5))
      return high - low
    }
    assert.ok(widthOf(80) < widthOf(10) * 0.6)
  })

  it('contains the true ratio in 95 of 100 experiments with ten pairs', () => {
    const experiments = 1000
    let hits = 0
    for (let seed = 1; seed <= experiments; seed++) {
      const { low, high } = ratioInterval(noisy(1.03, 0.04, 10, seed * 7919))
      if (low <= 1.03 && high >= 1.03) hits++
    }
    assert.ok(Math.abs(hits / experiments - 0.95) < 0.02, `${hits} of ${experiments}`)
  })
})
