/** Medians and confidence intervals of ratios: what they are for known numbers, and how often they hold. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { geometricMean, ratioInterval } from '../../bench/against/interval.js'
import { middle } from '../../bench/statistics.js'

/** Ratios whose logarithms are spread like a bell around that of the true one; the seed repeats them. */
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
  it('is the value in the middle, or the mean of the two there', () => {
    assert.equal(middle([3, 1, 2]), 2)
    assert.equal(middle([4, 1, 3, 2]), 2.5)
    assert.equal(middle([7]), 7)
  })
})

describe('a geometric mean', () => {
  it('takes twice and half as nothing', () => {
    assert.equal(geometricMean([2, 0.5]), 1)
    assert.ok(Math.abs(geometricMean([1, 1.1, 1.21]) - 1.1) < 1e-12)
  })
})

describe('the interval of a ratio', () => {
  it('is a point where all pairs agree', () => {
    assert.deepEqual(ratioInterval(new Array(10).fill(1.02)), { median: 1.02, low: 1.02, high: 1.02 })
  })

  it('is the same for the same pairs', () => {
    const ratios = noisy(1, 0.05, 10, 1)
    assert.deepEqual(ratioInterval(ratios), ratioInterval(ratios))
  })

  it('is moved little by one pair that was disturbed', () => {
    const quiet = noisy(1, 0.005, 11, 3)
    const { high } = ratioInterval([...quiet, 4])
    assert.ok(high < 1.02, `${high}`)
  })

  it('gets narrower with more pairs', () => {
    const widthOf = (count: number) => {
      const { low, high } = ratioInterval(noisy(1, 0.05, count, 5))
      return high - low
    }
    assert.ok(widthOf(80) < widthOf(10) * 0.6)
  })

  it('has the true ratio in it in at least nine of ten experiments with ten pairs', () => {
    const experiments = 60
    let hits = 0
    for (let seed = 1; seed <= experiments; seed++) {
      const { low, high } = ratioInterval(noisy(1.03, 0.04, 10, seed * 7919))
      if (low <= 1.03 && high >= 1.03) hits++
    }
    assert.ok(hits / experiments >= 0.9, `${hits} of ${experiments}`)
  })
})
