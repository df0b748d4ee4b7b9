/**
 * Wills in a store that has only the contract of `aedes-persistence`: their deadlines and their brokers. Owns the
 * deadlines, in memory; must not know sessions.
 */
import type { AedesPersistence, ScheduledWill, StoredWill } from '../../../types/persistence.js'
import { type Deadline, Deadlines } from '../deadlines.js'
import { readBack } from './entries.js'

interface WillNote {
  clientId: string
  deadline: Deadline<WillNote> | undefined
  /** A will that another broker left: the store returns it only for that broker, or together with all others. */
  inherited: StoredWill | undefined
}

export class AedesWills {
  readonly #store: AedesPersistence
  readonly #notes = new Map<string, WillNote>()
  readonly #deadlines = new Deadlines<WillNote>()
  /** The broker's id, under which the store has the wills. */
  brokerId = ''

  constructor(store: AedesPersistence) {
    this.#store = store
  }

  /**
   * Starts the delay of wills from an earlier run.
   * @param from `all` if no other broker can have left them: this broker may have had another id then
   */
  async recover(now: number, from: 'this broker' | 'all'): Promise<void> {
    for await (const stored of this.#store.streamWill()) {
      const will = readBack(stored)
      const { clientId, brokerId = this.brokerId } = will
      if (clientId === undefined) continue
      const isOwn = brokerId === this.brokerId
      if (!isOwn && from === 'this broker') continue
      const delay = will.properties?.willDelayInterval ?? 0
      this.#schedule(clientId, now + delay * 1000).inherited = isOwn ? undefined : will
    }
  }

  /** The earliest deadline. */
  next(): number | undefined {
    return this.#deadlines.next()
  }

  async get(clientId: string): Promise<StoredWill | undefined> {
    const will = this.#notes.get(clientId)?.inherited ?? (await this.#store.getWill({ id: clientId }))
    return will ? readBack(will) : undefined
  }

  async save(clientId: string, will: StoredWill, dueAt: number | undefined): Promise<void> {
    if (this.#notes.get(clientId)?.inherited !== undefined) await this.delete(clientId)
    await this.#store.putWill({ id: clientId }, { ...will })
    this.#schedule(clientId, dueAt)
  }

  /** Some stores find a will by the broker's id only. */
  async delete(clientId: string): Promise<void> {
    const brokerId = this.#notes.get(clientId)?.inherited?.brokerId ?? this.brokerId
    await this.#store.delWill({ id: clientId, brokerId })
    this.#forget(clientId)
  }

  async due(now: number, limit: number): Promise<ScheduledWill[]> {
    const due: ScheduledWill[] = []
    for (const { clientId } of this.#deadlines.due(now, limit)) {
      const will = await this.get(clientId)
      if (will) due.push({ clientId, will })
      else this.#forget(clientId)
    }
    return due
  }

  #schedule(clientId: string, dueAt: number | undefined): WillNote {
    const note = this.#notes.get(clientId) ?? { clientId, deadline: undefined, inherited: undefined }
    this.#deadlines.remove(note.deadline)
    note.deadline = dueAt === undefined ? undefined : this.#deadlines.add(note, dueAt)
    this.#notes.set(clientId, note)
    return note
  }

  #forget(clientId: string): void {
    this.#schedule(clientId, undefined)
    this.#notes.delete(clientId)
  }
}
