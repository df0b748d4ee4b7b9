/**
 * Failures of the host's code, its store and its bus that have no listener. The first failure of each place becomes a
 * process warning. Otherwise a mistake in a hook would show only as refused clients. Must not know what failed.
 */
import type { AnaxError } from '../../errors.js'

/** Events for the host only: no client gets a reason code for them. */
export type HostEvent = 'hookError' | 'storeError'

export class UnheardErrors {
  readonly #told = new Set<string>()

  /** @param where the failed hook or listener */
  tell(event: HostEvent, error: AnaxError, where = ''): void {
    const kind = `${event} ${error.code} ${where} ${placeOf(error.cause)}`
    if (this.#told.has(kind)) return
    this.#told.add(kind)
    const hint = `this is reported once; listen to '${event}' of the broker, or set its option 'logger', to see each failure`
    const message = `${error.message}; ${hint}`
    process.emitWarning(message, {
      code: 'ANAX_WARN_UNHEARD',
      ...(hasStack(error.cause) && { detail: error.cause.stack }),
    })
  }
}

/** The line of code that failed. It identifies a failure better than the message, which may differ each time. */
function placeOf(cause: unknown): string | undefined {
  return hasStack(cause) ? /^ +at .*$/m.exec(cause.stack)?.[0] : undefined
}

function hasStack(value: unknown): value is { stack: string } {
  return value instanceof Error && typeof value.stack === 'string'
}
