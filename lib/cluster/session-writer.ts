/**
 * Writes what changes of sessions with each message: at once where somebody waits for it, else a little later, many changes
 * in one. Owns when; must not know what a session is about.
 */
import type { ClusterLink } from './cluster-link.js'
import type { OwnedSession } from './owned-session.js'

/** Milliseconds that an acknowledgement of QoS 1 waits: a crash within them sends the message again. */
const SOON_MS = 200

export class SessionWriter {
  readonly #link: ClusterLink
  readonly #failed: (error: unknown) => void
  readonly #dirty = new Set<OwnedSession>()
  /** Of writes under way, what is to be written after them. */
  readonly #writing = new Map<OwnedSession, { current: Promise<void>; next: Promise<void> | undefined }>()
  #timer: NodeJS.Timeout | undefined

  constructor(link: ClusterLink, failed: (error: unknown) => void) {
    this.#link = link
    this.#failed = failed
  }

  writeSoon(owned: OwnedSession): void {
    this.#dirty.add(owned)
    this.#timer ??= setTimeout(() => this.#writeDirty(), SOON_MS).unref()
  }

  /** Resolves when what has changed until now is written. */
  writeNow(owned: OwnedSession): Promise<void> {
    this.#dirty.delete(owned)
    const writing = this.#writing.get(owned)
    if (writing === undefined) return this.#begin(owned)
    // those who come while one is under way share the next
    writing.next ??= writing.current.catch(() => {}).then(() => this.#begin(owned))
    return writing.next
  }

  /** The session is not this node's any more. */
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
    const progress = owned.progressRecord()
    if (progress !== undefined) await this.#link.node.write(owned.claim, { records: { c: progress } })
  }

  #writeDirty(): void {
    this.#timer = undefined
    for (const owned of this.#dirty) this.writeNow(owned).catch(this.#failed)
  }
}
