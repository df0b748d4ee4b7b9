/**
 * A bounded queue of password checks, in which addresses take turns and each may use a limited part. Hundreds of
 * devices behind one address may connect at once; an address with wrong passwords gets a smaller part. Owns the order
 * and the limits; must not know how a password is checked.
 */

/** Limits of the queue of password hashes. */
export interface HashLimits {
  /** Hashes computed at the same time; Node.js has four threads for this and for files. @default 2 */
  concurrency?: number
  /** Maximum number of waiting attempts; further ones are refused with 0x89, server busy. @default 1000 */
  maxWaiting?: number
  /**
   * Maximum number of attempts from one address that wait or are being computed, after three more wrong passwords than
   * right ones. Further attempts, and waiting ones beyond it, are refused in the same way. Before that, as many may
   * wait as are computed in 5 seconds, but at most a quarter of `maxWaiting`. @default 20
   */
  maxPerAddress?: number
}

/** After this many more wrong passwords than right ones, an address gets a smaller part of the queue. */
const MOST_WRONG = 3

/** The part of the queue for one address before that. */
const PART = 1 / 4

/** How long an address may have to wait, in milliseconds; the hook waits as long. */
const PATIENCE_MS = 5000

/**
 * Attempts that have waited this long are refused, in milliseconds: by default, the broker waits 10 seconds for a hook.
 */
const LONGEST_WAIT_MS = 8000

type Check = () => boolean | undefined | Promise<boolean>

interface Job {
  readonly address: string
  /** Time of arrival. */
  readonly at: number
  run(): Promise<void>
  refuse(): void
}

/** The attempts and wrong passwords of an address. */
interface Load {
  count: number
  /** The number of wrong passwords minus the number of right ones. */
  wrong: number
}

export class HashQueue {
  readonly #limits: Required<HashLimits>
  /** Address -> waiting attempts, at least one; the address whose turn is next comes first. */
  readonly #waiting = new Map<string, Job[]>()
  /** All waiting attempts, oldest first. */
  readonly #inOrder = new Set<Job>()
  readonly #load = new Map<string, Load>()
  readonly #now: () => number
  /** How long the last hash took, in milliseconds. */
  #checkMs = 0
  #running = 0
  /** The number of hashes computed so far. */
  done = 0

  /** @param now monotonic milliseconds */
  constructor({ concurrency = 2, maxWaiting = 1000, maxPerAddress = 20 }: HashLimits, now: () => number) {
    this.#limits = { concurrency, maxWaiting, maxPerAddress }
    this.#now = now
  }

  /**
   * Checks a password when it is its turn.
   * @param check returns undefined if nobody waits for the answer any more, a boolean if it is known without a hash
   * @returns undefined, immediately or later, if there is no room
   */
  run(address: string, check: Check): Promise<boolean | undefined> | undefined {
    const load = this.#load.get(address) ?? { count: 0, wrong: 0 }
    const { concurrency, maxWaiting } = this.#limits
    const mustWait = this.#running >= concurrency
    if (load.count >= this.#mostOf(load) || (mustWait && this.#inOrder.size >= maxWaiting)) return undefined
    load.count++
    this.#load.set(address, load)
    return new Promise((resolve, reject) => {
      const run = async () => {
        try {
          const begun = this.#now()
          const answer = check()
          const isRight = answer instanceof Promise ? await this.#measure(answer, begun) : answer
          if (isRight !== undefined) this.#note(address, load, isRight)
          resolve(isRight)
        } catch (error) {
          reject(error)
        }
        this.#leave(address, load)
      }
      const refuse = () => {
        this.#leave(address, load)
        resolve(undefined)
      }
      this.#enter({ address, at: this.#now(), run, refuse })
    })
  }

  async #measure(answer: Promise<boolean>, begun: number): Promise<boolean> {
    this.done++
    const isRight = await answer
    this.#checkMs = this.#now() - begun
    return isRight
  }

  #mostOf({ wrong }: Load): number {
    const { concurrency, maxWaiting, maxPerAddress } = this.#limits
    if (wrong >= MOST_WRONG) return maxPerAddress
    const inTime = (PATIENCE_MS / Math.max(1, this.#checkMs)) * concurrency
    return Math.max(maxPerAddress, Math.min(inTime, maxWaiting * PART))
  }

  #note(address: string, load: Load, isRight: boolean): void {
    load.wrong = isRight ? Math.max(0, load.wrong - 1) : load.wrong + 1
    const jobs = this.#waiting.get(address) ?? []
    for (let tooMany = load.count - this.#mostOf(load); tooMany > 0 && jobs.length > 0; tooMany--) {
      const job = jobs.pop()!
      this.#inOrder.delete(job)
      job.refuse()
    }
    if (jobs.length === 0) this.#waiting.delete(address)
  }

  #enter(job: Job): void {
    if (this.#running < this.#limits.concurrency) {
      this.#start(job)
      return
    }
    const jobs = this.#waiting.get(job.address)
    if (jobs === undefined) this.#waiting.set(job.address, [job])
    else jobs.push(job)
    this.#inOrder.add(job)
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
    this.#refuseLate()
    for (const [address, jobs] of this.#waiting) {
      const job = this.#firstOf(address, jobs)
      // other addresses come first
      if (this.#waiting.delete(address)) this.#waiting.set(address, jobs)
      return job
    }
    return undefined
  }

  /** Refuses attempts that have waited too long, before the hook's time limit expires. */
  #refuseLate(): void {
    const latest = this.#now() - LONGEST_WAIT_MS
    for (const { address, at } of this.#inOrder) {
      if (at > latest) return
      this.#firstOf(address, this.#waiting.get(address)!).refuse()
    }
  }

  /** Removes and returns the oldest attempt of an address. */
  #firstOf(address: string, jobs: Job[]): Job {
    const job = jobs.shift()!
    if (jobs.length === 0) this.#waiting.delete(address)
    this.#inOrder.delete(job)
    return job
  }

  #leave(address: string, load: Load): void {
    load.count--
    if (load.count === 0) this.#load.delete(address)
  }
}
