/**
 * Shares the event loop fairly: limits the cost of one turn, and the part of it that one client may use while others
 * wait. Owns the queue of waiting work and its order. Must not know what the work does.
 *
 * Costs are estimates in microseconds on an ordinary machine, not measurements: reading the clock for each packet would
 * cost as much as the packet. Work that has used its budget is queued, and continues in a later turn, round robin. New
 * work is queued in front of work that was served and wants more. So a client that sends little waits for at most one
 * turn, however many others send as fast as they can.
 *
 * Input from sockets cannot be postponed: Node.js reports thousands of sockets in one turn. So a turn that exceeds its
 * budget reduces the budget of the next one. Otherwise the next turn would be as long, and even more data would arrive
 * meanwhile.
 */

import type { MaybePromise } from '../../../types/persistence.js'
import { Fifo } from '../collections/fifo.js'
import { RoundRobin } from '../collections/round-robin.js'
import { setImmediate } from './set-immediate.js'

/** The cost of each kind of work. */
export const Cost = {
  /** One packet of a client. */
  packet: 2,
  /** One message for one session. */
  delivery: 1,
  /** A write to one more stream, which is a system call. */
  write: 8,
  /** One more subscription that a message matches, if the match was not cached. */
  match: 1,
  /** One filter of a SUBSCRIBE or UNSUBSCRIBE. */
  filter: 8,
  /** One message read from a queue or from the retained messages. */
  read: 2,
  /** The search for the subscriptions of a topic, if they were not cached, in addition to {@link Cost.match}. */
  search: 4,
  /** One message to retain. */
  retain: 10,
  /** One entry in the queue of a stored session. */
  enqueue: 3,
  /** A new stream. */
  stream: 40,
  /** A CONNECT, from its checks to CONNACK: the first thousands take as much, later ones a fourth of it. */
  connect: 60,
  /** The end of a connection. */
  disconnect: 80,
  /** The end of a stream, reported by Node.js, without what follows from it. */
  ended: 10,
  /** A deadline that passes, without what follows from it. */
  deadline: 2,
} as const

/** Bytes copied or inspected for one unit of cost. */
const BYTES_PER_UNIT_SHIFT = 12

/** Budget of one turn of the event loop, in units. */
const TURN_UNITS = 4000

/** Budget of one client in one turn while others wait, in units. */
const SHARE_UNITS = 800

/** The least budget of a turn, as a part of the full budget, however far the previous turn exceeded its own. */
const LEAST_PART = 1 / 4

export type TurnShareOptions = Partial<Pick<TurnShare, 'advance' | 'line' | 'party' | 'turn'>>

const NO_OPTIONS: TurnShareOptions = {}

/** Work that can pause. */
export interface PausedWork {
  /** Called when it may continue: it calls `begin` again, and may be queued again. */
  resume(): void
}

/** The remaining budget of one client, or of one piece of work that can pause, in this turn. */
export class TurnShare {
  readonly work: PausedWork
  /**
   * The turn in which it worked last. Set for work that others have begun, which has already used a part of that turn.
   */
  turn: number
  left = 0
  isWaiting = false
  /** Between `begin` and `end`: the turn's budget at the beginning, and the floor of the interrupted work. */
  from = 0
  outerFloor = 0
  /** Units that are charged before the work resumes. */
  readonly advance: number
  /** The queue for the work; undefined for work on new messages and packets. */
  line: 'joining' | 'old' | undefined
  /** The party of a connecting or disconnecting client; in the queue `joining`, parties take turns. */
  party: string

  constructor(work: PausedWork, { advance = 0, line, party = '', turn = -1 }: TurnShareOptions = NO_OPTIONS) {
    this.work = work
    this.turn = turn
    this.advance = advance
    this.line = line
    this.party = party
  }
}

/**
 * The queues of waiting work, in the order in which they are served: new work; work that was served and wants more;
 * connecting and disconnecting clients; old work, such as the messages of a stored queue.
 */
type LineName = 'fresh' | 'served' | 'joining' | 'old'

export interface FairnessOptions {
  /** Budget of one turn, in units. @default 4000 */
  turnUnits?: number
  /** Budget of one client in one turn while others wait, in units. @default 800 */
  shareUnits?: number
}

export class Fairness {
  readonly #turnUnits: number
  readonly #shareUnits: number
  #left: number
  /** The current work pauses when the turn's budget falls to this. */
  #floor = 0
  /** Reserved for what arrives from sockets while queued work is served. */
  #reserve = 0
  #turn = 0
  /** Budget of this turn, reduced by what input from sockets exceeded in the last one. */
  #units: number
  #isScheduled = false
  readonly #lines: Record<LineName, Fifo<TurnShare> | RoundRobin<TurnShare>> = {
    fresh: new Fifo(),
    served: new Fifo(),
    joining: new RoundRobin(({ party }) => party),
    old: new Fifo(),
  }
  /** Whether the current work was served before and wants more, or is old. */
  #isCatchingUp = false
  /** The number of waiting pieces of work. */
  #waiting = 0
  #pauses = 0
  #atTurn: (() => void) | undefined

  constructor({ turnUnits = TURN_UNITS, shareUnits = SHARE_UNITS }: FairnessOptions = {}) {
    this.#turnUnits = turnUnits
    this.#shareUnits = shareUnits
    this.#units = turnUnits
    this.#left = turnUnits
  }

  /** The number of turns with work. */
  get turn(): number {
    return this.#turn
  }

  /** The number of waiting pieces of work. */
  get waiting(): number {
    return this.#waiting
  }

  /** How often work was queued. */
  get pauses(): number {
    return this.#pauses
  }

  /** Whether the current work has to pause. */
  get isSpent(): boolean {
    return this.#left <= this.#floor
  }

  /** Whether the current work had to pause before, because it had used up its share. */
  get isCatchingUp(): boolean {
    return this.#isCatchingUp
  }

  /** The units of a part of this turn. */
  unitsOf(part: number): number {
    return this.#units * part
  }

  /** Charges work that was done, or is about to be done. */
  spend(units: number): void {
    this.#left -= units
  }

  /** Charges bytes that are copied or inspected. */
  spendBytes(bytes: number): void {
    this.#left -= bytes >> BYTES_PER_UNIT_SHIFT
  }

  /** Begins a piece of work. @returns false if it has to wait: it is queued, and resumed later */
  begin(share: TurnShare): boolean {
    if (share.isWaiting) return false
    this.wake()
    if (share.turn !== this.#turn) {
      share.turn = this.#turn
      share.left = this.#shareUnits
    }
    const mayWork = this.#left > this.#reserve && (share.left > 0 || this.#waiting === 0)
    if (!mayWork) {
      this.wait(share)
      return false
    }
    share.from = this.#left
    share.outerFloor = this.#floor
    // the only client may use the whole turn
    this.#floor = this.#waiting === 0 ? this.#reserve : Math.max(this.#reserve, this.#left - share.left)
    return true
  }

  /** Ends a piece of work, or pauses it: then {@link wait} has to follow. */
  end(share: TurnShare): void {
    share.left -= share.from - this.#left
    this.#floor = share.outerFloor
  }

  /** Queues unfinished work. */
  wait(share: TurnShare): void {
    if (share.isWaiting) return
    share.isWaiting = true
    this.#waiting++
    this.#pauses++
    this.#lines[this.#lineOf(share)].push(share)
    this.wake()
  }

  #lineOf({ line, turn, left }: TurnShare): LineName {
    if (line === 'joining') return line
    const isFresh = turn !== this.#turn || left === this.#shareUnits
    return isFresh ? 'fresh' : (line ?? 'served')
  }

  /**
   * Requests budget for one step that cannot pause, of a connecting or disconnecting client.
   * @param party the party of the client: parties take turns, so many clients of one party do not delay the others
   * @returns undefined if the step may begin now; otherwise a promise that resolves when it may
   */
  admit(units: number, party = ''): Promise<void> | undefined {
    this.wake()
    if (this.#left > this.#floor) {
      this.#left -= units
      return undefined
    }
    return new Promise(resolve =>
      this.wait(new TurnShare({ resume: resolve }, { advance: units, line: 'joining', party })),
    )
  }

  /** Runs a step with this cost for each item, in as many turns as needed. */
  async each<T>(items: Iterable<T>, units: number, step: (item: T) => void): Promise<void> {
    for (const item of items) {
      const turn = this.admit(units)
      if (turn !== undefined) await turn
      step(item)
    }
  }

  /**
   * Runs a step for each part of a list, in as many turns as needed. The steps charge their own cost.
   * @param party as for {@link admit}
   */
  async eachPart<T>(
    items: readonly T[],
    size: number,
    step: (part: T[]) => MaybePromise<void>,
    party?: string,
  ): Promise<void> {
    for (let from = 0; from < items.length; from += size) {
      const turn = this.admit(0, party)
      if (turn !== undefined) await turn
      await step(items.slice(from, from + size))
    }
  }

  /**
   * Calls `step` until it returns a result: in this turn while the budget lasts, then in later turns.
   * @param step does a small part of the work, and charges it; returns undefined if there is more to do
   */
  inTurns<Result>(step: () => Result | undefined): MaybePromise<Result> {
    return this.#untilSpent(step) ?? this.#inLaterTurns(step)
  }

  #untilSpent<Result>(step: () => Result | undefined): Result | undefined {
    let result = step()
    while (result === undefined && !this.isSpent) result = step()
    return result
  }

  #inLaterTurns<Result>(step: () => Result | undefined): Promise<Result> {
    return new Promise((resolve, reject) => {
      const goOn = (): void => {
        if (!this.begin(share)) return
        let result: Result | undefined
        try {
          result = this.#untilSpent(step)
        } catch (error) {
          reject(error)
          return
        } finally {
          this.end(share)
        }
        if (result === undefined) this.wait(share)
        else resolve(result)
      }
      const share = new TurnShare({ resume: goOn })
      this.wait(share)
    })
  }

  /** Registers a function that runs at the beginning of each turn with work. */
  atTurn(call: () => void): void {
    this.#atTurn = call
  }

  /** Requests a next turn. */
  wake(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(this.#begin)
  }

  readonly #begin = (): void => {
    this.#isScheduled = false
    this.#turn++
    const overspent = Math.min(0, this.#left)
    this.#units = Math.max(this.#turnUnits + overspent, this.#turnUnits * LEAST_PART)
    this.#left = this.#units
    this.#floor = 0
    this.#atTurn?.()
    if (this.#waiting > 0) this.#serve()
  }

  #serve(): void {
    const half = this.#units >> 1
    // the later queues get a part of each turn, so that they never starve
    const part = this.#units >> 3
    const forOld = this.#lines.old.length === 0 ? 0 : part
    const forJoining = this.#lines.joining.length === 0 ? 0 : part
    this.#reserve = half + forOld + forJoining
    this.#serveLine('fresh')
    this.#isCatchingUp = true
    this.#serveLine('served')
    this.#reserve = half + forOld
    this.#serveLine('joining')
    this.#reserve = half
    this.#serveLine('old')
    this.#isCatchingUp = false
    this.#reserve = 0
    this.#floor = 0
    if (this.#waiting > 0) this.wake()
  }

  /** Serves the current content of a queue; work that is queued meanwhile waits. */
  #serveLine(name: LineName): void {
    const line = this.#lines[name]
    this.#floor = this.#reserve
    for (let i = line.length; i > 0 && this.#left > this.#reserve; i--) {
      const share = line.shift()
      share.isWaiting = false
      this.#waiting--
      this.#left -= share.advance
      share.work.resume()
    }
  }
}
