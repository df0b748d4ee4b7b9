/**
 * The wills of the LMDB store, with their deadlines. Knows neither the session nor the connection that a will waits
 * for. Methods that write must be called inside a change of the writer.
 */
import type { ScheduledWill, StoredWill } from '../../../../types/persistence.js'
import { type PacketRow, packetOf, packetRow, textIn, textKey } from '../engine/encoding.js'
import type { LmdbEnvironment } from '../engine/environment.js'
import type { Row, Table } from '../engine/table.js'
import { DeadlineKind, type LmdbDeadlines } from './deadlines.js'

/** A will in the stored form. */
export type WillRow = readonly [dueAt: number | null, will: PacketRow]

/** One will per client. */
export class LmdbWills {
  readonly #table: Table<WillRow>
  readonly #deadlines: LmdbDeadlines

  constructor(environment: LmdbEnvironment, deadlines: LmdbDeadlines) {
    this.#table = environment.table('wills')
    this.#deadlines = deadlines
  }

  save(clientId: string, will: PacketRow, dueAt: number | undefined): void {
    this.delete(clientId)
    const owner = textKey(clientId)
    this.#table.put(owner, [dueAt ?? null, will])
    if (dueAt === undefined) this.#deadlines.open(DeadlineKind.will, { owner, clientId })
    else this.#deadlines.add(DeadlineKind.will, dueAt, { owner, clientId })
  }

  get(clientId: string): StoredWill | undefined {
    const row = this.#table.get(textKey(clientId))
    return row && willIn(row)
  }

  /** @returns the deleted will */
  delete(clientId: string): StoredWill | undefined {
    const owner = textKey(clientId)
    const row = this.#table.get(owner)
    if (row === undefined) return undefined
    this.#table.delete(owner)
    const [dueAt] = row
    if (dueAt === null) this.#deadlines.close(DeadlineKind.will, owner)
    else this.#deadlines.remove(DeadlineKind.will, dueAt, owner)
    return willIn(row)
  }

  due(now: number, limit: number): ScheduledWill[] {
    return this.#deadlines.due(DeadlineKind.will, now, limit).map(({ clientId }) => {
      return { clientId, will: this.get(clientId)! }
    })
  }

  /**
   * Sets the deadlines of up to `limit` wills whose clients were connected at the crash.
   * @param sessionLife the remaining seconds of the client's session, which limit the delay of its will
   * @returns the number of these wills
   */
  recover(now: number, limit: number, sessionLife: (clientId: string) => number): number {
    const opened = this.#deadlines.opened(DeadlineKind.will, limit)
    for (const { clientId } of opened) {
      const will = this.get(clientId)!
      const delay = will.properties?.willDelayInterval ?? 0
      this.save(clientId, packetRow(will), now + Math.min(delay, sessionLife(clientId)) * 1000)
    }
    return opened.length
  }

  /** Up to `limit` wills in key order, from a key on. */
  page(start: Buffer | undefined, limit: number): Row<ScheduledWill>[] {
    return this.#table.rows({ ...(start && { start }), limit }).map(({ key, value }) => {
      const will = willIn(value)
      const [dueAt] = value
      return { key, value: { clientId: will.clientId ?? textIn(key), will, dueAt: dueAt ?? undefined } }
    })
  }

  /** The wills of all brokers except these. */
  ofOthers(brokers: Record<string, unknown>): StoredWill[] {
    const wills = Array.from(this.#table.values(), willIn)
    return wills.filter(({ brokerId }) => brokerId === undefined || !Object.hasOwn(brokers, brokerId))
  }
}

/** The will in a row. */
export function willIn([, will]: WillRow): StoredWill {
  return packetOf(will) as unknown as StoredWill
}
