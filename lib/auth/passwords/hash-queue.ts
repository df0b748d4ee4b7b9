/**
 * Expensive work in a bounded line, a bounded part of it for each address, addresses taking turns.
 * Owns the order and the bounds; must not know what the work is.
 */

/** Bounds of a queue of password hashes. */
export interface HashLimits {
  /** Hashes that are computed at once; Node.js has four threads for this and for files. @default 2 */
  concurrency?: number
  /** Attempts that wait; further ones are refused with 0x89, server busy. @default 1000 */
  maxWaiting?: number
  /** Attempts of one address that wait or are computed; further ones are refused likewise. @default 20 */
  maxPerAddress?: number
}

interface Job {
  run(): Promise<void>
}

export class HashQueue {
  readonly #limits: Required<HashLimits>
  /** Address -> what waits; the address that comes next is first. */
  readonly #waiting = new Map<string, Job[]>()
  readonly #load = new Map<string, number>()
  #waitingCount = 0
  #running = 0
  /** How much work was done so far. */
  done = 0

  constructor({ concurrency = 2, maxWaiting = 1000, maxPerAddress = 20 }: HashLimits = {}) {
    this.#limits = { concurrency, maxWaiting, maxPerAddress }
  }

  /**
   * Does the work when its turn comes.
   * @returns undefined where there is no room
   */
  run<Result>(address: string, work: () => Promise<Result>): Promise<Result> | undefined {
    const load = this.#load.get(address) ?? 0
    const { concurrency, maxWaiting, maxPerAddress } = this.#limits
    const mustWait = this.#running >= concurrency
    if (load >= maxPerAddress || (mustWait && this.#waitingCount >= maxWaiting)) return undefined
    this.#load.set(address, load + 1)
    return new Promise<Result>((resolve, reject) => {
      const run = async () => {
        this.done++
        await work().then(resolve, reject)
        this.#leave(address)
      }
      this.#enter(address, { run })
    })
  }

  #enter(address: string, job: Job): void {
    if (this.#running < this.#limits.concurrency) {
      this.#start(job)
      return
    }
    const jobs = this.#waiting.get(address)
    if (jobs === undefined) this.#waiting.set(address, [job])
    else jobs.push(job)
    this.#waitingCount++
  }

  #start(job: Job): void {
    this.#running++
    void job.run().finally(() => {
      this.#running--
      const next = this.#next()
      if (next !== undefined) this.#start(next)
    })
  }

  #next(): Job | undefined {
    for (const [address, jobs] of this.#waiting) {
      const job = jobs.shift()
      this.#waiting.delete(address)
      if (jobs.length > 0) this.#waiting.set(address, jobs)
      if (job !== undefined) this.#waitingCount--
      return job
    }
    return undefined
  }

  #leave(address: string): void {
    const load = this.#load.get(address)! - 1
    if (load === 0) this.#load.delete(address)
    else this.#load.set(address, load)
  }
}
