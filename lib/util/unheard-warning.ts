/** The process warning about something that the host should know and does not listen to. Must not know what happened. */

/** @param cause the error behind it; its stack becomes the detail of the warning */
export function warnUnheard(message: string, cause?: unknown): void {
  process.emitWarning(message, {
    code: 'ANAX_WARN_UNHEARD',
    ...(hasStack(cause) && { detail: cause.stack }),
  })
}

/** The line of code that failed. It identifies a failure better than the message, which may differ each time. */
export function placeOf(cause: unknown): string | undefined {
  return hasStack(cause) ? /^ +at .*$/m.exec(cause.stack)?.[0] : undefined
}

function hasStack(value: unknown): value is { stack: string } {
  return value instanceof Error && typeof value.stack === 'string'
}
