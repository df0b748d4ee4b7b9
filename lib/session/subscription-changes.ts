/**
 * Orders the changes of the subscriptions of one session, by packets of its client and by calls of the host. Each
 * change writes to the store first and then makes its subscriptions live, or ends them; the second step waits for
 * earlier changes. So the store and the live subscriptions pass through the same states. No hook is called between the
 * two steps. Must not know what a change does.
 */

/** A pending change. */
export interface SubscriptionChange {
  /** Resolves when all earlier changes are done; undefined if there are none. */
  readonly turn: Promise<void> | undefined
  /** Must be called once, when the change is done or abandoned. */
  done(): void
}

export class SubscriptionChanges {
  #underWay = 0
  /** Resolves when all changes that have begun are done. */
  #all: Promise<void> | undefined

  /** Begins a change, before it is written to the store. */
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

  /** Resolves when no change is pending. */
  async settled(): Promise<void> {
    while (this.#underWay > 0) await this.#all
  }
}
