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

export class AnswerGap {
  /** Whether the system's buffers are in between: then it is a pause, otherwise a turn of the event loop. */
  readonly #isFromAfar: boolean
  readonly #owner: GapOwner
  #hasBegun = false
  #endsAt = Number.POSITIVE_INFINITY

  constructor(isFromAfar: boolean, owner: GapOwner) {
    this.#isFromAfar = isFromAfar
    this.#owner = owner
  }

  /** Whether the answer was written. */
  get hasBegun(): boolean {
    return this.#hasBegun
  }

  /** Whether the pause has passed without anybody waiting for its end. */
  get isOver(): boolean {
    return this.#endsAt <= performance.now()
  }

  /** The answer is written now. */
  begin(): void {
    this.#hasBegun = true
    if (this.#isFromAfar) this.#endsAt = performance.now() + PAUSE_MS
    else setImmediate(endGap, this.#owner, this)
  }

  /** A message waits for the end of a gap that has begun. */
  wait(): void {
    if (this.#isFromAfar) startTimer(endGap, Math.max(1, this.#endsAt - performance.now()), this.#owner, this)
  }
}

function endGap(owner: GapOwner, gap: AnswerGap): void {
  owner.gapEnded(gap)
}
