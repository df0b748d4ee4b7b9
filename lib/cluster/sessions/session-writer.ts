/**
 * Writes the delivery state of sessions: immediately if a caller waits for it, otherwise after a short delay, many
 * changes in one write. Owns when to write; must not know the content.
 */
import type { ClusterLink } from '../cluster-link.js'
import type { OwnedSession } from './owned-session.js'

/**
 * Delay before a QoS 1 acknowledgement is written, in milliseconds. After a crash within this time, the message is sent
 * again.
 */
const SOON_MS = 200

export class SessionWriter {
  readonly #link: ClusterLink
  readonly #failed: (error: unknown) => void
  readonly #dirty = new Set<OwnedSession>()
  /** The write in progress and the next one, per session. */
  readonly #writing = new Map<OwnedSession, { current: Promise<void>; next: Promise<void> | undefined }>()
  /** Sessions whose last write is done by another part, with their whole state. */
  readonly #ended = new WeakSet<OwnedSession>()
  #timer: NodeJS.Timeout | undefined

  constructor(link: ClusterLink, failed: (error: unknown) => void) {
    this.#link = link
    this.#failed = failed
  }

  writeSoon(owned: OwnedSession): void {
    this.#dirty.add(owned)
    this.#timer ??= setTimeout(() => this.#writeDirty(), SOON_MS).unref()
  }

  /** Resolves when all changes so far are written. */
  writeNow(owned: OwnedSession): Promise<void> {
    this.#dirty.delete(owned)
    const writing = this.#writing.get(owned)
    if (writing === undefined) return this.#begin(owned)
    // callers during a write share the next write
    writing.next ??= writing.current.catch(() => {}).then(() => this.#begin(owned))
    return writing.next
  }

  /**
   * Called when the session is released together with its whole state: pending changes are no longer written
   * separately.
   */
  end(owned: OwnedSession): void {
    this.#ended.add(owned)
    this.forget(owned)
  }

  /** Forgets a session that this node no longer owns. */
  forget(owned: OwnedSession): void {
    this.#dirty.delete(owned)
  }

  #begin(owned: OwnedSession): Promise<void> {
    const current = this.#write(owned)
    const entry: { current: Promise<void>; next: Promise<void> | undefined } = { current, next: undefined }
    this.#writing.set(owned, entry)
    const ended = () => {
      if (this.#writing.get(owned) === entry && entry.next === undefined) this.#writing.delete(owned)
    }
    current.then(ended, ended)
    return current
  }

  async #write(owned: OwnedSession): Promise<void> {
    if (this.#ended.has(owned)) return
    const progress = owned.progressRecord()
    if (progress !== undefined) await this.#link.node.write(owned.claim, { records: { c: progress } })
  }

  #writeDirty(): void {
    this.#timer = undefined
    for (const owned of this.#dirty) this.writeNow(owned).catch(this.#failed)
  }
}
