/**
 * A request that ends with an error: the status, a stable code, and a sentence for people.
 * Knows which errors of the broker are the caller's fault; knows no route.
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

/** What the caller is told of an error. Of one that nobody expected, nothing but that it happened. */
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
