/**
 * The confidence interval of a ratio that was measured in pairs. Knows numbers only, and gives the same result for the
 * same numbers.
 */

/** A ratio with its 95 % confidence interval. */
export interface Interval {
  /** The trimmed mean. */
  middle: number
  low: number
  high: number
  /** Standard error of the logarithm of the trimmed mean. */
  error: number
}

/** The share of the ratios that is ignored at either end, where other programs have disturbed the measurement. */
const TRIMMED = 0.2
/**
 * 97 % of the normal distribution lies between minus and plus this. The interval should be right in 95 of 100
 * comparisons: with few pairs it is a little too narrow, and so it is when measuring stops as soon as it is narrow.
 */
const NORMAL = 2.17009

/**
 * Converts a bound of the normal distribution to Student's distribution, by its series expansion.
 * @param z the bound; exact to a few thousandths from 5 degrees of freedom on
 */
export function student(z: number, freedom: number): number {
  const [z3, z5, z7] = [z ** 3, z ** 5, z ** 7]
  const first = (z3 + z) / 4
  const second = (5 * z5 + 16 * z3 + 3 * z) / 96
  const third = (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / 384
  return z + first / freedom + second / freedom ** 2 + third / freedom ** 3
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

/**
 * The mean of the logarithms without the lowest and the highest fifth, and its interval by Tukey and McLaughlin: for
 * the variance, ignored values count as the nearest that is not ignored.
 * @param ratios one for each pair; with fewer than 6 there is no interval
 */
export function ratioInterval(ratios: readonly number[]): Interval {
  const logarithms = ratios.map(Math.log).sort((a, b) => a - b)
  const count = logarithms.length
  const cut = Math.floor(count * TRIMMED)
  const kept = logarithms.slice(cut, count - cut)
  const middle = mean(kept)
  if (count < 6) return { middle: Math.exp(middle), low: 0, high: Number.POSITIVE_INFINITY, error: Number.NaN }
  const winsorised = logarithms.map(value => Math.min(Math.max(value, kept[0]!), kept.at(-1)!))
  const centre = mean(winsorised)
  const variance = winsorised.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (count - 1)
  const error = Math.sqrt(variance / count) / (kept.length / count)
  const half = student(NORMAL, kept.length - 1) * error
  return { middle: Math.exp(middle), low: Math.exp(middle - half), high: Math.exp(middle + half), error }
}

/** The geometric mean of ratios that were measured independently: 2 and 1/2 cancel out. */
export function geometricMean(ratios: readonly Interval[]): Interval {
  const middle = mean(ratios.map(ratio => Math.log(ratio.middle)))
  const error = Math.sqrt(ratios.reduce((sum, ratio) => sum + ratio.error ** 2, 0)) / ratios.length
  const [low, high] = [-1, 1].map(side => Math.exp(middle + side * NORMAL * error))
  return { middle: Math.exp(middle), low: low!, high: high!, error }
}
