/**
 * The wills in memory, with their due times. Must not know sessions or connections.
 */
import type { ScheduledWill, StoredWill } from '../../../types/persistence.js'
import { type Deadline, Deadlines } from '../deadlines.js'
import { PayloadKeeper } from '../stored-message.js'

interface WillRecord extends ScheduledWill {
  /** Undefined while its client is connected. */
  deadline: Deadline<WillRecord> | undefined
}

/** One will per client. */
export class MemoryWills {
  readonly #records = new Map<string, WillRecord>()
  readonly #payloads = new PayloadKeeper()
  readonly #deadlines = new Deadlines<WillRecord>()

  save(clientId: string, will: StoredWill, dueAt: number | undefined): void {
    this.delete(clientId)
    const kept = { ...will, payload: this.#payloads.keep(will.payload) }
    const record: WillRecord = { clientId, will: kept, deadline: undefined }
    this.#records.set(clientId, record)
    if (dueAt !== undefined) record.deadline = this.#deadlines.add(record, dueAt)
  }

  get(clientId: string): StoredWill | undefined {
    return this.#records.get(clientId)?.will
  }

  /** @returns the removed will */
  delete(clientId: string): StoredWill | undefined {
    const record = this.#records.get(clientId)
    this.#records.delete(clientId)
    this.#deadlines.remove(record?.deadline)
    return record?.will
  }

  due(now: number, limit: number): ScheduledWill[] {
    return this.#deadlines.due(now, limit).map(({ clientId, will }) => ({ clientId, will }))
  }

  /** All wills, with their due times. */
  *all(): Generator<ScheduledWill, void, undefined> {
    for (const { clientId, will, deadline } of this.#records.values()) yield { clientId, will, dueAt: deadline?.at }
  }

  nextDeadline(): number | undefined {
    return this.#deadlines.next()
  }

  /**
   * Sets the deadline of wills whose clients were connected when the last broker ended.
   * @param sessionLife the remaining life of the client's session in seconds, which limits the will's delay
   */
  recover(now: number, sessionLife: (clientId: string) => number): void {
    for (const record of this.#records.values()) {
      if (record.deadline !== undefined) continue
      const delay = record.will.properties?.willDelayInterval ?? 0
      const dueAt = now + Math.min(delay, sessionLife(record.clientId)) * 1000
      record.deadline = this.#deadlines.add(record, dueAt)
    }
  }

  /** The wills of all other brokers. */
  *ofOthers(brokers: Record<string, unknown>): Generator<StoredWill, void, undefined> {
    for (const { will } of this.#records.values()) {
      if (will.brokerId === undefined || !Object.hasOwn(brokers, will.brokerId)) yield will
    }
  }
}
