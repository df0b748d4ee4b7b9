/**
 * Rates per minute, smoothed over one, five and fifteen minutes, as Mosquitto computes them. Must not know what is
 * counted.
 */

const MINUTES = [1, 5, 15] as const

/** The averages of several counters, by the names that the caller gives them. */
export class LoadAverages {
  readonly #last = new Map<string, number>()
  readonly #averages = new Map<string, number>()

  /**
   * Updates the averages with the current counters.
   * @param elapsedMs since the last call
   * @returns name and minutes -> rate per minute; empty after the first call
   */
  update(counters: Readonly<Record<string, number>>, elapsedMs: number): ReadonlyMap<string, number> {
    for (const [name, count] of Object.entries(counters)) {
      const last = this.#last.get(name)
      this.#last.set(name, count)
      if (last === undefined || elapsedMs <= 0) continue
      const rate = ((count - last) * 60_000) / elapsedMs
      for (const minutes of MINUTES) {
        const key = `${name}/${minutes}min`
        const average = this.#averages.get(key) ?? 0
        this.#averages.set(key, rate + Math.exp(-elapsedMs / (minutes * 60_000)) * (average - rate))
      }
    }
    return this.#averages
  }
}
