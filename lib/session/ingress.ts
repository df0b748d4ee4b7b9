/**
 * The ordered pipeline of one connection: every packet that needs an answer runs through the same stages,
 * and no packet begins a stage before the one that arrived ahead of it did.
 * Owns the order; must not know what a job does.
 *
 *   authorize   ask the host's gates        many at once
 *   match       look up who is to get it    many at once
 *   store       write what must be kept     issued in order, waited for together
 *   route       hand over to the bus        issued in order, waited for together
 *   answer      acknowledge                 in order
 *
 * Where no stage has to wait, a job is done when `run` returns, and nothing is remembered of it.
 */

/** A packet on its way; a stage that has to wait returns a promise, which must not reject. */
export abstract class Job {
  authorize(): void | Promise<void> {}
  match(): void | Promise<void> {}
  store(): void | Promise<void> {}
  route(): void | Promise<void> {}
  answer(): void | Promise<void> {}
}

const STAGES = 5

class Ticket {
  readonly job: Job
  /** The stage to run next; the stages below have begun. */
  next = 0
  waiting = false

  constructor(job: Job) {
    this.job = job
  }
}

export class Ingress {
  readonly #limit: number
  readonly #failed: (error: unknown) => void
  readonly #drained: () => void
  #tickets: Ticket[] = []
  #advancing = false
  #scheduled = false

  /**
   * @param limit jobs under way at once, above which {@link full} asks the connection to stop reading
   * @param failed told of a stage that threw or rejected in spite of the rules
   * @param drained called when there is room again, and when the last job is done
   */
  constructor(limit: number, failed: (error: unknown) => void, drained: () => void) {
    this.#limit = limit
    this.#failed = failed
    this.#drained = drained
  }

  get full(): boolean {
    return this.#tickets.length >= this.#limit
  }

  get idle(): boolean {
    return this.#tickets.length === 0
  }

  run(job: Job): void {
    if (this.#advancing || !this.idle) {
      this.#tickets.push(new Ticket(job))
      this.#advance()
      return
    }
    this.#advancing = true
    const ticket = this.#runAhead(job)
    this.#advancing = false
    // jobs that one of its stages began are behind it
    if (ticket !== undefined) this.#tickets.unshift(ticket)
    if (!this.idle) this.#advance()
  }

  /** Runs a job that is first in line as far as it goes; the ticket is for the rest. */
  #runAhead(job: Job): Ticket | undefined {
    for (let stage = 0; stage < STAGES; stage++) {
      const outcome = this.#begin(job, stage)
      if (outcome === undefined) continue
      const ticket = new Ticket(job)
      ticket.next = stage + 1
      this.#await(ticket, outcome)
      return ticket
    }
    return undefined
  }

  #advance(): void {
    if (this.#advancing) return
    this.#advancing = true
    let ahead = STAGES
    for (const ticket of this.#tickets) {
      while (!ticket.waiting && ticket.next < ahead) {
        const outcome = this.#begin(ticket.job, ticket.next++)
        if (outcome !== undefined) this.#await(ticket, outcome)
      }
      ahead = ticket.next
    }
    this.#advancing = false
    this.#retire()
  }

  /** @returns what has to be waited for */
  #begin(job: Job, stage: number): void | Promise<void> {
    try {
      // by name, not by a table of names: that alone was 4 % of a QoS 0 message
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

  #await(ticket: Ticket, outcome: Promise<void>): void {
    ticket.waiting = true
    outcome
      .catch(error => this.#failed(error))
      .then(() => {
        ticket.waiting = false
        this.#advanceSoon()
      })
  }

  /** Once for all that a store answers at once: looking through all jobs for each of them is quadratic. */
  #advanceSoon(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#advance()
    })
  }

  /** Forgets the jobs at the head that are done. */
  #retire(): void {
    let done = 0
    for (const { next, waiting } of this.#tickets) {
      if (next < STAGES || waiting) break
      done++
    }
    if (done === 0) return
    this.#tickets = this.#tickets.slice(done)
    this.#drained()
  }
}
