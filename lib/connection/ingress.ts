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
  /** The job that arrived before it, while that is under way. */
  ahead: Ticket | undefined
  behind: Ticket | undefined

  constructor(job: Job) {
    this.job = job
  }
}

export class Ingress {
  readonly #limit: number
  readonly #failed: (error: unknown) => void
  readonly #drained: () => void
  // a list of links, and steps only where something may move: thousands may be under way behind one that waits
  #first: Ticket | undefined
  #last: Ticket | undefined
  #size = 0
  /** Tickets that may be able to go on. */
  #due: Ticket[] = []
  #advancing = false
  /** Who waits until no job is under way. */
  #waiting: (() => void)[] | undefined

  /**
   * @param limit jobs under way at once, above which {@link full} asks the connection to stop reading
   * @param failed told of a stage that threw or rejected in spite of the rules
   * @param drained called when there is room again
   */
  constructor(limit: number, failed: (error: unknown) => void, drained: () => void) {
    this.#limit = limit
    this.#failed = failed
    this.#drained = drained
  }

  get full(): boolean {
    return this.#size >= this.#limit
  }

  get idle(): boolean {
    return this.#size === 0
  }

  /** Resolves when no job is under way. */
  async settled(): Promise<void> {
    if (this.idle) return
    this.#waiting ??= []
    const waiting = this.#waiting
    await new Promise<void>(resolve => waiting.push(resolve))
  }

  run(job: Job): void {
    if (this.#advancing || !this.idle) {
      this.#advance(this.#append(new Ticket(job)))
      return
    }
    this.#advancing = true
    const ticket = this.#runAhead(job)
    this.#advancing = false
    // jobs that one of its stages began are behind it
    if (ticket !== undefined) this.#prepend(ticket)
    if (this.#due.length > 0) this.#advanceDue()
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

  #append(ticket: Ticket): Ticket {
    ticket.ahead = this.#last
    if (this.#last === undefined) this.#first = ticket
    else this.#last.behind = ticket
    this.#last = ticket
    this.#size++
    return ticket
  }

  #prepend(ticket: Ticket): void {
    ticket.behind = this.#first
    if (this.#first === undefined) this.#last = ticket
    else this.#first.ahead = ticket
    this.#first = ticket
    this.#size++
  }

  /** A ticket is new, or waits no more. */
  #advance(ticket: Ticket): void {
    this.#due.push(ticket)
    if (!this.#advancing) this.#advanceDue()
  }

  #advanceDue(): void {
    this.#advancing = true
    for (const ticket of this.#due) {
      // who moves makes way for the one behind
      for (let each: Ticket | undefined = ticket; each !== undefined && this.#move(each); ) each = each.behind
    }
    this.#due = []
    this.#advancing = false
    this.#retire()
  }

  /** Runs the stages of a job that can begin. @returns whether there was one */
  #move(ticket: Ticket): boolean {
    const from = ticket.next
    const end = ticket.ahead?.next ?? STAGES
    while (!ticket.waiting && ticket.next < end) {
      const outcome = this.#begin(ticket.job, ticket.next++)
      if (outcome !== undefined) this.#await(ticket, outcome)
    }
    return ticket.next > from
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
        this.#advance(ticket)
      })
  }

  /** Forgets the jobs at the head that are done. */
  #retire(): void {
    const size = this.#size
    while (this.#first !== undefined && this.#first.next === STAGES && !this.#first.waiting) {
      this.#first = this.#first.behind
      this.#size--
    }
    if (this.#size === size) return
    if (this.#first === undefined) this.#last = undefined
    else this.#first.ahead = undefined
    this.#drained()
    if (this.idle) this.#tellWaiting()
  }

  #tellWaiting(): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    for (const resolve of waiting ?? []) resolve()
  }
}
