/**
 * The pause between CONNACK or SUBACK and the messages that follow: a program that awaits one of these packets before
 * it listens for messages would miss those in the same chunk. Owns the length of the pause; must not know what waits.
 */
import { setImmediate } from '../../util/scheduling/set-immediate.js'

/**
 * The pause for a client behind buffers of the operating system: a busy client reads everything that has arrived as one
 * chunk. On a machine with eight times more work than processors, 1 ms separated 97 %, and a turn of the event loop 40
 * %.
 */
const PAUSE_MS = 10

// saved before a test runner replaces the timers
const { setTimeout: startTimer } = globalThis

export interface GapOwner {
  /** Called at the end of the gap. If the gap is a pause, it is called only if a message waits. */
  gapEnded(gap: AnswerGap): void
}

/** Instead of a time: the answer was not written yet, or the owner is called in the next turn. */
const NOT_BEGUN = 0
const NEXT_TURN = -1

export class AnswerGap {
  /** Milliseconds. Only one integer, because a client that gets no message keeps its gap. */
  #endsAt = NOT_BEGUN

  /** Whether the answer has been written. */
  get hasBegun(): boolean {
    return this.#endsAt !== NOT_BEGUN
  }

  /** Whether the pause has passed without a message waiting for it. */
  get isOver(): boolean {
    return this.#endsAt > NOT_BEGUN && this.#endsAt <= performance.now()
  }

  /**
   * Called when the answer is written.
   * @param isFromAfar whether buffers of the operating system are in between: then the gap is a pause, otherwise a turn
   */
  begin(owner: GapOwner, isFromAfar: boolean): void {
    this.#endsAt = isFromAfar ? Math.ceil(performance.now() + PAUSE_MS) : NEXT_TURN
    if (!isFromAfar) setImmediate(endGap, owner, this)
  }

  /** Registers a message that waits for the end of a gap that has begun. */
  wait(owner: GapOwner): void {
    if (this.#endsAt === NEXT_TURN) return
    startTimer(endGap, Math.max(1, this.#endsAt - performance.now()), owner, this)
  }
}

function endGap(owner: GapOwner, gap: AnswerGap): void {
  owner.gapEnded(gap)
}
