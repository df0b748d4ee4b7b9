/**
 * The order in which the subscriptions of one session change: by packets of its client and by calls of the host. Each
 * change writes to the store first and then makes its subscriptions live, or ends them; the second step waits for the
 * changes in front. So the store and the live subscriptions go through the same states. No hook is ever waited for in
 * between. Must not know what a change does.
 */

/** One change that is under way. */
export interface SubscriptionChange {
  /** Resolves when all changes in front are done; undefined if there are none. */
  readonly turn: Promise<void> | undefined
  /** To be called once, when the change is done or given up. */
  done(): void
}

export class SubscriptionChanges {
  #underWay = 0
  /** Resolves when all changes that have begun are done. */
  #all: Promise<void> | undefined

  /** A change is about to be written to the store. */
  begin(): SubscriptionChange {
    const turn = this.#underWay === 0 ? undefined : this.#all
    let finish = () => {}
    const finished = new Promise<void>(resolve => {
      finish = resolve
    })
    this.#underWay++
    this.#all = turn === undefined ? finished : turn.then(() => finished)
    return {
      turn,
      done: () => {
        this.#underWay--
        finish()
      },
    }
  }

  /** Resolves when no change is under way. */
  async settled(): Promise<void> {
    while (this.#underWay > 0) await this.#all
  }
}
