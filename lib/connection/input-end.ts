/**
 * The end of what a stream brings: how the connection ends once all that came before is handled, and who waits for that.
 * Must not know when it is.
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
