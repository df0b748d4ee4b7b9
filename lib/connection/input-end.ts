/**
 * The end of a stream's input: how the connection ends once all input is handled, and the callers that wait for that.
 * Must not know when that is.
 */
import type { Ending } from '../session/session-directory.js'
import { Waiters } from '../util/scheduling/waiters.js'

export class InputEnd extends Waiters {
  readonly ending: Ending

  constructor(ending: Ending) {
    super()
    this.ending = ending
  }
}
