/**
 * Warns a host that awaits none of very many calls of `broker.publish`: their messages are all in memory. Must not know
 * what they publish.
 */

/** More than a burst at the start of an application has, and about ten megabytes. */
const MOST = 10_000

export class UnawaitedCalls {
  #isReported = false

  /** @param count the calls that are not finished */
  look(count: number): void {
    if (count < MOST || this.#isReported) return
    this.#isReported = true
    const what = `${MOST} calls of broker.publish are not finished, and their messages are in memory`
    process.emitWarning(`${what}; await each call, or a few at a time; this is reported once`, {
      code: 'ANAX_WARN_UNAWAITED',
    })
  }
}
