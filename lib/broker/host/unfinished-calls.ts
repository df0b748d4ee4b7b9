/**
 * Counts the calls of `broker.publish` that are not finished, and warns a host that awaits none of very many: their
 * messages are all in memory. Must not know what they publish.
 */

/** More than a burst at the start of an application has, and a few dozen megabytes. */
const MOST = 10_000

export class UnfinishedCalls {
  #count = 0
  #isReported = false

  begin(): void {
    if (++this.#count < MOST || this.#isReported) return
    this.#isReported = true
    const what = `${MOST} calls of broker.publish are not finished, and their messages are in memory`
    process.emitWarning(`${what}; await each call, or a few at a time; this is reported once`, {
      code: 'ANAX_WARN_UNAWAITED',
    })
  }

  end(): void {
    this.#count--
  }
}
