/**
 * Compares the clock of this machine with that of the server. Deadlines of sessions and messages are times of day, and
 * any node may handle them. Owns how often, and what is reported; must not know the lease.
 */
import type { StoredRecord } from '../wire/wire.js'

/** Renewals of the lease between two checks. */
const EVERY = 24
/** Smaller differences are not worth a report: deadlines are handled in whole seconds. */
const TOLERANCE_MS = 5000

export interface ClockCheckParts {
  /** Reads the record that was written last. */
  read(): Promise<StoredRecord | undefined>
  /** Called at each check that finds the clock wrong. @param aheadMs how far it is ahead; negative if it is behind */
  wrong(aheadMs: number): void
  failed(error: Error): void
}

export class ClockCheck {
  readonly #parts: ClockCheckParts
  #renewals = 0

  constructor(parts: ClockCheckParts) {
    this.#parts = parts
  }

  /** Called when the record was written. @param before the time of this machine before it was; @param after and then */
  renewed(before: number, after: number): void {
    if (this.#renewals++ % EVERY === 0) this.#check(before, after).catch(this.#parts.failed)
  }

  async #check(before: number, after: number): Promise<void> {
    const record = await this.#parts.read()
    if (record === undefined) return
    const { time } = record
    const ahead = before > time ? before - time : Math.min(0, after - time)
    if (Math.abs(ahead) > TOLERANCE_MS) this.#parts.wrong(ahead)
  }
}
