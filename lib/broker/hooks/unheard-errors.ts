/**
 * Failures of the host's own code, its store and its bus to which no listener listens: the process is warned of the first
 * of each place. Without that, a mistake in a hook shows only as clients that are refused. Must not know what failed.
 */
import type { AnaxError } from '../../errors.js'

/** The events that are for the host alone: nobody else is told. */
export type HostEvent = 'hookError' | 'storeError'

export class UnheardErrors {
  readonly #told = new Set<string>()

  /** @param where the hook or the listener that failed */
  tell(event: HostEvent, error: AnaxError, where = ''): void {
    const kind = `${event} ${error.code} ${where} ${placeOf(error.cause)}`
    if (this.#told.has(kind)) return
    this.#told.add(kind)
    const message = `${error.message}. This is told once; the event '${event}' of the broker, or its option 'logger', tells each time`
    process.emitWarning(message, {
      code: 'ANAX_WARN_UNHEARD',
      ...(hasStack(error.cause) && { detail: error.cause.stack }),
    })
  }
}

/** The line of code; a message may be another each time. */
function placeOf(cause: unknown): string | undefined {
  return hasStack(cause) ? /^ +at .*$/m.exec(cause.stack)?.[0] : undefined
}

function hasStack(value: unknown): value is { stack: string } {
  return value instanceof Error && typeof value.stack === 'string'
}
