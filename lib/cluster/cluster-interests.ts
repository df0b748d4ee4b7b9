/**
 * The filters whose messages this node needs from the other nodes. Owns the log position from which each filter is
 * read; must not know the subscribers.
 */
import type { ClusterNode, LogCursor, LogPosition } from '../../types/cluster.js'
import type { Interests } from '../routing/bus/interests.js'
import type { ClusterLink } from './cluster-link.js'
import type { BroughtFilters } from './sessions/owned-session.js'

/** Takes part in shared subscriptions. */
export interface GroupRegistry {
  join(share: string): Promise<void>
  leave(share: string): void
  rejoin(node: ClusterNode): Promise<void>
}

interface Wanted {
  count: number
  asked: Promise<void>
  since: LogCursor | undefined
}

export class ClusterInterests implements Interests, BroughtFilters {
  readonly #link: ClusterLink
  readonly #groups: GroupRegistry
  readonly #wanted = new Map<string, Wanted>()
  /** Filter -> its shared subscriptions that are being joined. */
  readonly #joining = new Map<string, Promise<void>>()
  /** The last message that has arrived, by shard. */
  readonly #arrived: number[] = []

  constructor(link: ClusterLink, groups: GroupRegistry) {
    this.#link = link
    this.#groups = groups
  }

  want(filter: string): Promise<void> {
    const known = this.#wanted.get(filter)
    if (known !== undefined) {
      known.count++
      return known.asked
    }
    const wanted: Wanted = { count: 1, asked: Promise.resolve(), since: undefined }
    this.#wanted.set(filter, wanted)
    wanted.asked = this.#ask(filter, wanted)
    // the caller that waits for it gets the error
    wanted.asked.catch(() => {})
    return wanted.asked
  }

  unwant(filter: string): void {
    const wanted = this.#wanted.get(filter)
    if (wanted === undefined || --wanted.count > 0) return
    this.#wanted.delete(filter)
    if (this.#link.isJoined) this.#link.node.unwant(filter)
  }

  async registered(filter: string): Promise<void> {
    await this.#wanted.get(filter)?.asked
    await this.#joining.get(filter)
  }

  wantGroup(share: string, filter: string): Promise<void> {
    const joining = Promise.all([this.#joining.get(filter), this.#groups.join(share)]).then(() => {})
    this.#joining.set(filter, joining)
    const joined = () => {
      if (this.#joining.get(filter) === joining) this.#joining.delete(filter)
    }
    joining.then(joined, joined)
    return joining
  }

  unwantGroup(share: string): void {
    this.#groups.leave(share)
  }

  /** The position after which all messages of a filter arrive; undefined while the filter is not read yet. */
  since(filter: string): LogCursor | undefined {
    return this.#wanted.get(filter)?.since
  }

  /** Notes a message of the log, which comes after all earlier ones of its shard. */
  noteArrived({ shard, sequence }: LogPosition): void {
    this.#arrived[shard] = sequence
  }

  arrived(shard: number): number {
    return this.#arrived[shard] ?? 0
  }

  /** Registers everything with a new node. */
  async rejoin(node: ClusterNode): Promise<void> {
    await Promise.all(
      [...this.#wanted].map(async ([filter, wanted]) => {
        wanted.since = undefined
        wanted.asked = this.#ask(filter, wanted)
        await wanted.asked.catch(() => {})
      }),
    )
    await this.#groups.rejoin(node)
  }

  /** While this node is not part of the cluster, and if it drops out meanwhile, the filter is asked for when it rejoins. */
  async #ask(filter: string, wanted: Wanted): Promise<void> {
    if (!this.#link.isJoined) return
    const { node } = this.#link
    try {
      wanted.since = await node.want(filter)
    } catch (error) {
      if (this.#link.has(node) && !node.lease.lost.aborted) throw error
    }
  }
}
