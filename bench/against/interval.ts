/**
 * What pairs of measurements say of a ratio: its median, and between which bounds it lies with 95 % confidence.
 * Knows numbers only, and gives the same answer for the same numbers.
 */

import { middle } from '../statistics.js'

/** A ratio with its 95 % confidence interval. */
export interface Interval {
  median: number
  low: number
  high: number
}

/** How often the pairs are drawn anew. The bounds of ten pairs then vary by less than a thousandth. */
const DRAWS = 10_000
const TAIL = 0.025

/** Numbers from 0 to 1, the same in each run (mulberry32). */
function randomNumbers(): () => number {
  let state = 0x9e3779b9
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/**
 * The median of ratios, and its interval by bootstrap: draw as many ratios as there are, with repetition, take their
 * median, and do so many times; 95 % of these medians lie between the bounds. One pair that another program disturbed
 * moves the bounds little.
 *
 * @param ratios one for each pair; at least one
 */
export function ratioInterval(ratios: readonly number[]): Interval {
  const random = randomNumbers()
  const draw = () => ratios.map(() => ratios[Math.floor(random() * ratios.length)]!)
  const medians = Float64Array.from({ length: DRAWS }, () => middle(draw())).sort()
  return {
    median: middle(ratios),
    low: medians[Math.floor(DRAWS * TAIL)]!,
    high: medians[Math.ceil(DRAWS * (1 - TAIL)) - 1]!,
  }
}

/** The mean of ratios in which 2 and 1/2 cancel out. */
export function geometricMean(ratios: readonly number[]): number {
  return Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length)
}
