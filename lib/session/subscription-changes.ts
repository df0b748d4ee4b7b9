/**
 * Orders the changes of the subscriptions of one session, by packets of its client and by calls of the host. Each
 * change writes to the store first and then makes its subscriptions live, or ends them; the second step waits for
 * earlier changes. So the store and the live subscriptions pass through the same states. No hook is called between the
 * two steps. Must not know what a change does.
 */

/** A pending change. */
export class SubscriptionChange {
  /** Resolves when all earlier changes are done; undefined if there are none. */
  readonly turn: Promise<void> | undefined
  readonly #changes: SubscriptionChanges
  #isDone = false
  #tell: (() => void) | undefined
  /** Created when somebody waits: most changes are done before that. */
  #finished: Promise<void> | undefined

  constructor(changes: SubscriptionChanges, turn: Promise<void> | undefined) {
    this.#changes = changes
    this.turn = turn
  }

  /** Must be called once, when the change is done or abandoned. */
  done(): void {
    this.#isDone = true
    this.#changes.ended()
    this.#tell?.()
  }

  /** Resolves when this change and all earlier ones are done. */
  settled(): Promise<void> {
    this.#finished ??= this.#isDone
      ? Promise.resolve()
      : new Promise(resolve => {
          this.#tell = resolve
        })
    const finished = this.#finished
    return this.turn === undefined ? finished : this.turn.then(() => finished)
  }
}

export class SubscriptionChanges {
  #underWay = 0
  #last: SubscriptionChange | undefined

  /** Begins a change, before it is written to the store. */
  begin(): SubscriptionChange {
    const change = new SubscriptionChange(this, this.#last?.settled())
    this.#underWay++
    this.#last = change
    return change
  }

  /** Called when a change is done. */
  ended(): void {
    if (--this.#underWay === 0) this.#last = undefined
  }

  /** Resolves when no change is pending; undefined if none is. */
  settled(): Promise<void> | undefined {
    return this.#last === undefined ? undefined : this.#settled()
  }

  async #settled(): Promise<void> {
    while (this.#last !== undefined) await this.#last.settled()
  }
}
