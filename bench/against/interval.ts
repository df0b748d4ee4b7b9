/**
 * What pairs of measurements say of a ratio: where its middle is, and between which bounds it lies with 95 %
 * confidence. Knows numbers only, and gives the same answer for the same numbers.
 */

/** A ratio with its 95 % confidence interval. */
export interface Interval {
  /** The trimmed mean. */
  middle: number
  low: number
  high: number
  /** Standard error of the logarithm of the middle. */
  error: number
}

/** The share of the ratios that is left out on either side: what another program disturbed is there. */
const TRIMMED = 0.2
/**
 * Between minus and plus this lies 97 % of the normal distribution. The interval is to hold in 95 of 100 comparisons:
 * those of few pairs come out a little too narrow, and so do those of which no more pairs were taken once they were
 * narrow.
 */
const NORMAL = 2.17009

/**
 * What a bound of the normal distribution is in Student's, by its expansion around the other one.
 *
 * @param z the bound; good to a few thousandths from 5 degrees of freedom on
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
 * The mean of the logarithms without the lowest and the highest fifth of them, and its interval after Tukey and
 * McLaughlin: the error comes from the variance in which those left out count as the last that were not.
 *
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
