/**
 * Shares the event loop: what one turn of it may cost, and what one client may take of that while others wait. Owns who
 * has to wait, and the order in which they go on. Must not know what anybody does in their turn.
 *
 * Costs are counted, in microseconds of an ordinary machine, and not measured: looking at the clock for each packet
 * would cost as much as the packet. Whoever has used up what it may is put in line and goes on in a later turn, one
 * after the other. Who comes anew goes in front of those who were served and want more, so that a client that sends
 * little waits for one turn at most, however many send as much as they can.
 */

/** What things cost. */
export const Cost = {
  /** One packet of a client. */
  packet: 2,
  /** One message for one session. */
  delivery: 1,
  /** A write to one more stream: a system call. */
  write: 8,
  /** One more subscription that a message matches, where that was not known from the message before. */
  match: 1,
  /** One filter that is subscribed or unsubscribed. */
  filter: 8,
  /** One message that is read from a queue or from the retained messages. */
  read: 2,
  /** One entry in the queue of a stored session. */
  enqueue: 3,
  /** A new stream. */
  stream: 40,
  /** A CONNECT, from its checks to CONNACK. */
  connect: 150,
  /** The end of a connection. */
  disconnect: 80,
} as const

/** What bytes cost that are copied or looked at: one unit for so many. */
const BYTES_PER_UNIT_SHIFT = 12

/** Units in one turn of the event loop, for all. */
const TURN_UNITS = 5000

/** Units for one client while others wait. */
const SHARE_UNITS = 1000

/** What one client, or one piece of work that can pause, has left in this turn. */
export class Share {
  /** Called when it may go on: it begins again, and is put in line again where it has to. */
  readonly resume: () => void
  turn = -1
  left = 0
  isWaiting = false
  /** Within `begin` and `end`: what the turn had left at the beginning, and the floor of whoever was interrupted. */
  from = 0
  outerFloor = 0
  /** Charged before it is resumed. */
  readonly advance: number

  /** @param advance units that are charged before it is resumed */
  constructor(resume: () => void, advance = 0) {
    this.resume = resume
    this.advance = advance
  }
}

export interface FairnessOptions {
  /** Units in one turn for all. @default 5000 */
  turnUnits?: number
  /** Units in one turn for one client, while others wait. @default 1000 */
  shareUnits?: number
}

export class Fairness {
  readonly #turnUnits: number
  readonly #shareUnits: number
  #left: number
  /** Whoever is at work pauses when no more than this is left. */
  #floor = 0
  /** Kept back for what the sockets bring, while those in line are served. */
  #reserve = 0
  #turn = 0
  #isScheduled = false
  /** Those in line who have had nothing in their turn yet. */
  #fresh: Share[] = []
  /** Those in line who were served and want more. */
  #served: Share[] = []
  /** How many are in line. */
  #waiting = 0
  #atTurn: (() => void) | undefined

  constructor({ turnUnits = TURN_UNITS, shareUnits = SHARE_UNITS }: FairnessOptions = {}) {
    this.#turnUnits = turnUnits
    this.#shareUnits = shareUnits
    this.#left = turnUnits
  }

  /** Number of turns in which there was something to do. */
  get turn(): number {
    return this.#turn
  }

  /** How many are in line. */
  get waiting(): number {
    return this.#waiting
  }

  /** Whether whoever is at work has to pause. */
  get isSpent(): boolean {
    return this.#left <= this.#floor
  }

  /** Counts work that is done, or about to be. */
  spend(units: number): void {
    this.#left -= units
  }

  /** Counts bytes that are copied or looked at. */
  spendBytes(bytes: number): void {
    this.#left -= bytes >> BYTES_PER_UNIT_SHIFT
  }

  /** Begins a piece of work. @returns false if it has to wait: it is put in line, and resumed */
  begin(share: Share): boolean {
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
    // who is alone may take all of the turn
    this.#floor = this.#waiting === 0 ? this.#reserve : Math.max(this.#reserve, this.#left - share.left)
    return true
  }

  /** Ends a piece of work, or pauses it: then {@link wait} has to follow. */
  end(share: Share): void {
    share.left -= share.from - this.#left
    this.#floor = share.outerFloor
  }

  /** Puts work that is not done in line. */
  wait(share: Share): void {
    if (share.isWaiting) return
    share.isWaiting = true
    this.#waiting++
    const isFresh = share.turn !== this.#turn || share.left === this.#shareUnits
    if (isFresh) this.#fresh.push(share)
    else this.#served.push(share)
    this.wake()
  }

  /**
   * Asks for the place of one step that cannot pause.
   * @returns undefined if it may be done at once; else a promise of its turn
   */
  admit(units: number): Promise<void> | undefined {
    this.wake()
    if (this.#left > this.#floor) {
      this.#left -= units
      return undefined
    }
    return new Promise(resolve => this.wait(new Share(resolve, units)))
  }

  /** Has a function called at the beginning of each turn in which there is something to do. */
  atTurn(call: () => void): void {
    this.#atTurn = call
  }

  /** There is something to do in the next turn. */
  wake(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(this.#begin)
  }

  readonly #begin = (): void => {
    this.#isScheduled = false
    this.#turn++
    this.#left = this.#turnUnits
    this.#floor = 0
    this.#atTurn?.()
    if (this.#waiting > 0) this.#serve()
  }

  #serve(): void {
    this.#reserve = this.#turnUnits >> 1
    this.#floor = this.#reserve
    const fresh = this.#fresh
    const served = this.#served
    this.#fresh = []
    this.#served = []
    const freshLeft = this.#serveLine(fresh)
    const servedLeft = this.#serveLine(served)
    // in front of those who were put in line meanwhile
    if (freshLeft.length > 0) this.#fresh = [...freshLeft, ...this.#fresh]
    if (servedLeft.length > 0) this.#served = [...servedLeft, ...this.#served]
    this.#reserve = 0
    this.#floor = 0
    if (this.#waiting > 0) this.wake()
  }

  /** @returns those who have to wait longer */
  #serveLine(line: Share[]): Share[] {
    for (let i = 0; i < line.length; i++) {
      if (this.#left <= this.#reserve) return line.slice(i)
      const share = line[i]!
      share.isWaiting = false
      this.#waiting--
      this.#left -= share.advance
      share.resume()
    }
    return []
  }
}
