/**
 * An ordered pipeline: each job runs through the same stages, and no job begins a stage before its predecessor has
 * begun it. Owns the order; must not know what a job does.
 *
 *   authorize   ask the host's hooks
 *   match       find the receivers
 *   store       write what must survive
 *   route       pass the message to the bus
 *   answer      acknowledge
 *
 * A job that waits in one stage does not keep its successors from beginning that stage. So store operations are issued
 * in order and awaited together. If no stage has to wait, a job is finished when `run` returns, and the pipeline
 * allocates nothing for it.
 */

/** One job; a stage that has to wait returns a promise, which must not reject. */
export abstract class Job {
  authorize(): void | Promise<void> {}
  match(): void | Promise<void> {}
  store(): void | Promise<void> {}
  route(): void | Promise<void> {}
  answer(): void | Promise<void> {}
}

const STAGES = 5

/** A job that has to wait: its stage, and its neighbours in the queue. */
class Entry {
  readonly job: Job
  /** The stage to run next; all earlier ones have begun. */
  next = 0
  waiting = false
  /** The predecessor, until that is finished. */
  previous: Entry | undefined
  following: Entry | undefined

  constructor(job: Job) {
    this.job = job
  }
}

/** The jobs of one connection, or of the broker itself, in order. */
export class Pipeline {
  readonly #limit: number
  readonly #failed: (error: unknown) => void
  readonly #drained: () => void
  // A linked list: thousands of jobs may wait behind one, and each step must touch only those that can continue.
  #first: Entry | undefined
  #last: Entry | undefined
  #size = 0
  /** Jobs that may be able to continue. */
  #due: Entry[] = []
  #advancing = false
  /** Callers that wait in `settled`. */
  #waiting: (() => void)[] | undefined

  /**
   * @param limit number of unfinished jobs at which {@link full} becomes true: the connection then stops reading
   * @param failed receives the error of a stage that threw or rejected although it must not
   * @param drained called when jobs have finished and there is room again
   */
  constructor(limit: number, failed: (error: unknown) => void, drained: () => void) {
    this.#limit = limit
    this.#failed = failed
    this.#drained = drained
  }

  get full(): boolean {
    return this.#size >= this.#limit
  }

  /** The number of unfinished jobs. */
  get size(): number {
    return this.#size
  }

  get idle(): boolean {
    return this.#size === 0
  }

  /** Resolves when no job is left. */
  async settled(): Promise<void> {
    if (this.idle) return
    this.#waiting ??= []
    const waiting = this.#waiting
    await new Promise<void>(resolve => waiting.push(resolve))
  }

  run(job: Job): void {
    if (this.#advancing || !this.idle) {
      this.#advance(this.#append(new Entry(job)))
      return
    }
    this.#advancing = true
    const entry = this.#runFirst(job)
    this.#advancing = false
    // Jobs that its own stages started are queued already: this one goes in front of them.
    if (entry !== undefined) this.#prepend(entry)
    if (this.#due.length > 0) this.#advanceDue()
  }

  /** Runs a job without a predecessor. @returns its entry if it has to wait */
  #runFirst(job: Job): Entry | undefined {
    for (let stage = 0; stage < STAGES; stage++) {
      const outcome = this.#begin(job, stage)
      if (outcome === undefined) continue
      const entry = new Entry(job)
      entry.next = stage + 1
      this.#await(entry, outcome)
      return entry
    }
    return undefined
  }

  #append(entry: Entry): Entry {
    entry.previous = this.#last
    if (this.#last === undefined) this.#first = entry
    else this.#last.following = entry
    this.#last = entry
    this.#size++
    return entry
  }

  #prepend(entry: Entry): void {
    entry.following = this.#first
    if (this.#first === undefined) this.#last = entry
    else this.#first.previous = entry
    this.#first = entry
    this.#size++
  }

  /** Called for an entry that is new, or has finished waiting. */
  #advance(entry: Entry): void {
    this.#due.push(entry)
    if (!this.#advancing) this.#advanceDue()
  }

  #advanceDue(): void {
    this.#advancing = true
    for (const entry of this.#due) {
      // When a job advances, its successor may be able to advance as well.
      for (let each: Entry | undefined = entry; each !== undefined && this.#move(each); ) each = each.following
    }
    this.#due = []
    this.#advancing = false
    this.#retire()
  }

  /** Runs the stages that the job can begin now. @returns whether there was any */
  #move(entry: Entry): boolean {
    const from = entry.next
    const end = entry.previous?.next ?? STAGES
    while (!entry.waiting && entry.next < end) {
      const outcome = this.#begin(entry.job, entry.next++)
      if (outcome !== undefined) this.#await(entry, outcome)
    }
    return entry.next > from
  }

  /** @returns the promise to wait for, if there is one */
  #begin(job: Job, stage: number): void | Promise<void> {
    try {
      // Calls each stage by name: a lookup in a table took 4 % of a QoS 0 message.
      switch (stage) {
        case 0:
          return job.authorize()
        case 1:
          return job.match()
        case 2:
          return job.store()
        case 3:
          return job.route()
        default:
          return job.answer()
      }
    } catch (error) {
      this.#failed(error)
    }
  }

  #await(entry: Entry, outcome: Promise<void>): void {
    entry.waiting = true
    outcome
      .catch(error => this.#failed(error))
      .then(() => {
        entry.waiting = false
        this.#advance(entry)
      })
  }

  /** Removes finished jobs from the front. */
  #retire(): void {
    const size = this.#size
    while (this.#first !== undefined && this.#first.next === STAGES && !this.#first.waiting) {
      this.#first = this.#first.following
      this.#size--
    }
    if (this.#size === size) return
    if (this.#first === undefined) this.#last = undefined
    else this.#first.previous = undefined
    this.#drained()
    if (this.idle) this.#tellWaiting()
  }

  #tellWaiting(): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    for (const resolve of waiting ?? []) resolve()
  }
}
