/**
 * Checks of passwords in a bounded line, a bounded part of it for each address, addresses taking turns. Hundreds of devices
 * behind one address may come at once; an address that shows wrong passwords gets a small part.
 * Owns the order and the bounds; must not know how a password is checked.
 */

/** Bounds of a queue of password hashes. */
export interface HashLimits {
  /** Hashes that are computed at once; Node.js has four threads for this and for files. @default 2 */
  concurrency?: number
  /** Attempts that wait; further ones are refused with 0x89, server busy. @default 1000 */
  maxWaiting?: number
  /**
   * Attempts of one address that wait or are computed, after three wrong passwords more than right ones: further ones, and
   * those that wait already, are refused likewise. Before, as many may wait as are computed in 5 seconds, and a quarter of
   * `maxWaiting` at most. @default 20
   */
  maxPerAddress?: number
}

/** Wrong passwords, beyond the right ones, after which an address gets a small part of the line. */
const MOST_WRONG = 3

/** The part of the line for one address before that. */
const PART = 1 / 4

/** How long it may have to wait there, in milliseconds: the hook that asks is not answered for as long. */
const PATIENCE_MS = 5000

/** Who has waited so long is refused, in milliseconds: the broker waits for a hook for 10 seconds by default. */
const LONGEST_WAIT_MS = 8000

interface Job {
  readonly address: string
  /** When it came. */
  readonly at: number
  run(): Promise<void>
  refuse(): void
}

/** What an address has in line at the moment. */
interface Load {
  count: number
  /** Wrong passwords, less the right ones. */
  wrong: number
}

export class HashQueue {
  readonly #limits: Required<HashLimits>
  /** Address -> what waits, which is never nothing; the address that comes next is first. */
  readonly #waiting = new Map<string, Job[]>()
  /** All that waits, the oldest first. */
  readonly #inOrder = new Set<Job>()
  readonly #load = new Map<string, Load>()
  readonly #now: () => number
  /** What the last check took, in milliseconds. */
  #checkMs = 0
  #running = 0
  /** How much work was done so far. */
  done = 0

  /** @param now monotonic milliseconds */
  constructor({ concurrency = 2, maxWaiting = 1000, maxPerAddress = 20 }: HashLimits, now: () => number) {
    this.#limits = { concurrency, maxWaiting, maxPerAddress }
    this.#now = now
  }

  /**
   * Checks a password when its turn comes.
   * @param check undefined where nobody waits for the answer any more
   * @returns undefined, at once or later, where there is no room
   */
  run(address: string, check: () => Promise<boolean | undefined>): Promise<boolean | undefined> | undefined {
    const load = this.#load.get(address) ?? { count: 0, wrong: 0 }
    const { concurrency, maxWaiting } = this.#limits
    const mustWait = this.#running >= concurrency
    if (load.count >= this.#mostOf(load) || (mustWait && this.#inOrder.size >= maxWaiting)) return undefined
    load.count++
    this.#load.set(address, load)
    return new Promise((resolve, reject) => {
      const run = async () => {
        this.done++
        const begun = this.#now()
        await check().then(isRight => {
          this.#checkMs = this.#now() - begun
          if (isRight !== undefined) this.#note(address, load, isRight)
          resolve(isRight)
        }, reject)
        this.#leave(address, load)
      }
      const refuse = () => {
        this.#leave(address, load)
        resolve(undefined)
      }
      this.#enter({ address, at: this.#now(), run, refuse })
    })
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
      // the other addresses come first
      if (this.#waiting.delete(address)) this.#waiting.set(address, jobs)
      return job
    }
    return undefined
  }

  /** Refuses those that have waited too long, before those who asked are told that there was no answer. */
  #refuseLate(): void {
    const latest = this.#now() - LONGEST_WAIT_MS
    for (const { address, at } of this.#inOrder) {
      if (at > latest) return
      this.#firstOf(address, this.#waiting.get(address)!).refuse()
    }
  }

  /** Takes the oldest of an address out of the line. */
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
