/**
 * The pause between CONNACK or SUBACK and the messages behind it: a program that awaits one of them, and then listens for
 * messages, would miss those that come in the same chunk. Owns how long it lasts; must not know what waits.
 */

/**
 * How long messages wait where the system's buffers are in between: a client that is busy reads all that has come in one
 * chunk. On a machine with eight times more work than processors, 1 ms separated 97 %, and a turn of the event loop 40 %.
 */
const PAUSE_MS = 10

// kept from before a test's runner puts timers of its own in their place
const { setTimeout: startTimer } = globalThis

export interface GapOwner {
  /** Called at the end: always after a turn, after a pause if somebody waits for it. */
  gapEnded(gap: AnswerGap): void
}

/** In place of a time: before the answer was written, and where the owner is told in the next turn. */
const NOT_BEGUN = 0
const NEXT_TURN = -1

export class AnswerGap {
  /** Milliseconds. A whole number, and nothing beside it: a client that gets no message keeps its gap. */
  #endsAt = NOT_BEGUN

  /** Whether the answer was written. */
  get hasBegun(): boolean {
    return this.#endsAt !== NOT_BEGUN
  }

  /** Whether the pause has passed without anybody waiting for its end. */
  get isOver(): boolean {
    return this.#endsAt > NOT_BEGUN && this.#endsAt <= performance.now()
  }

  /** The answer is written now. @param isFromAfar the system's buffers are in between: then it is a pause, otherwise a turn */
  begin(owner: GapOwner, isFromAfar: boolean): void {
    this.#endsAt = isFromAfar ? Math.ceil(performance.now() + PAUSE_MS) : NEXT_TURN
    if (!isFromAfar) setImmediate(endGap, owner, this)
  }

  /** A message waits for the end of a gap that has begun. */
  wait(owner: GapOwner): void {
    if (this.#endsAt === NEXT_TURN) return
    startTimer(endGap, Math.max(1, this.#endsAt - performance.now()), owner, this)
  }
}

function endGap(owner: GapOwner, gap: AnswerGap): void {
  owner.gapEnded(gap)
}
