/**
 * An error response: the status, a stable code, and a message.
 * Knows which errors of the broker are the caller's fault; must not know routes.
 */
import { AnaxError } from '../index.js'

export class Problem extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

export function notFound(what: string): Problem {
  return new Problem(404, 'not-found', what)
}

export function invalid(detail: string): Problem {
  return new Problem(400, 'invalid', detail)
}

/** The response for an error. An unexpected error is not described to the caller. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (!(error instanceof AnaxError)) return new Problem(500, 'failed', 'The request failed')
  switch (error.code) {
    case 'ANAX_ERR_ARGUMENT':
      return new Problem(400, error.code, error.message)
    case 'ANAX_ERR_QUOTA':
      return new Problem(409, error.code, error.message)
    case 'ANAX_ERR_CLOSED':
    case 'ANAX_ERR_NOT_LISTENING':
      return new Problem(503, error.code, error.message)
    default:
      return new Problem(500, error.code, error.message)
  }
}
