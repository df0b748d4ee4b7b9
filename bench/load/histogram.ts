/** Counts latencies in microseconds in bins at most 1.6 % wide; percentiles come from the bins. */

const SUB_BINS = 64
const BINS = SUB_BINS * 27

function binOf(micros: number): number {
  if (micros < SUB_BINS) return micros
  const exponent = 31 - Math.clz32(micros) - 6
  return (exponent + 1) * SUB_BINS + ((micros >>> exponent) - SUB_BINS)
}

function lowestIn(bin: number): number {
  if (bin < SUB_BINS) return bin
  const exponent = Math.floor(bin / SUB_BINS) - 1
  return (SUB_BINS + (bin % SUB_BINS)) * 2 ** exponent
}

export class Histogram {
  readonly #bins = new Uint32Array(BINS)
  #count = 0

  /** @param micros a whole number below 2^31 */
  add(micros: number): void {
    const bin = binOf(micros)
    this.#bins[bin] = this.#bins[bin]! + 1
    this.#count++
  }

  clear(): void {
    this.#bins.fill(0)
    this.#count = 0
  }

  /** In milliseconds; 0 if nothing was counted. */
  percentile(share: number): number {
    let left = Math.ceil(this.#count * share)
    for (let bin = 0; bin < BINS; bin++) {
      left -= this.#bins[bin]!
      if (left <= 0) return lowestIn(bin) / 1000
    }
    return 0
  }
}
