/** Shared subscriptions of a cluster in memory: each message goes to one node, in turn. Must not know members. */
import type { ClusterNode, Group, GroupHandler, HeldEntry, LogEntry } from '../../../../types/cluster.js'
import type { Message } from '../../../../types/message/message.js'
import { filterMatches, parseShare } from '../../../topic/topic.js'
import { copyOf } from './memory-shard.js'

/** A node's part in a group. */
interface Part {
  readonly node: ClusterNode
  readonly take: GroupHandler
  readonly held: Set<LogEntry>
}

interface SharedGroup {
  readonly filter: string
  readonly parts: Part[]
  /** Entries that no node has. */
  readonly waiting: LogEntry[]
  turn: number
}

export class MemoryGroups {
  readonly #isReachable: (node: ClusterNode) => boolean
  readonly #groups = new Map<string, SharedGroup>()

  constructor(isReachable: (node: ClusterNode) => boolean) {
    this.#isReachable = isReachable
  }

  join(node: ClusterNode, share: string, take: GroupHandler): Group {
    const group = this.#groups.get(share) ?? { filter: parseShare(share)!.filter, parts: [], waiting: [], turn: 0 }
    this.#groups.set(share, group)
    const part: Part = { node, take, held: new Set() }
    group.parts.push(part)
    this.#handOut(group)
    return {
      leave: () => {
        this.#remove(group, part)
        return Promise.resolve()
      },
    }
  }

  /** Removes a failed node. */
  leave(node: ClusterNode): void {
    for (const group of this.#groups.values()) {
      for (const part of group.parts.filter(part => part.node === node)) this.#remove(group, part)
    }
  }

  bring(entry: LogEntry): void {
    for (const group of this.#groups.values()) {
      if (!filterMatches(group.filter, entry.message.topic)) continue
      group.waiting.push(entry)
      this.#handOut(group)
    }
  }

  signal(message: Message): void {
    for (const group of this.#groups.values()) {
      const part = filterMatches(group.filter, message.topic) ? this.#next(group) : undefined
      const entry: HeldEntry = { position: undefined, message: copyOf(message), done() {}, giveBack() {} }
      if (part !== undefined) setImmediate(() => part.take(entry))
    }
  }

  #remove(group: SharedGroup, part: Part): void {
    const index = group.parts.indexOf(part)
    if (index === -1) return
    group.parts.splice(index, 1)
    group.waiting.unshift(...part.held)
    part.held.clear()
    this.#handOut(group)
  }

  #handOut(group: SharedGroup): void {
    while (group.waiting.length > 0) {
      const part = this.#next(group)
      if (part === undefined) return
      this.#give(group, part, group.waiting.shift()!)
    }
  }

  /** The next node that can be reached. */
  #next(group: SharedGroup): Part | undefined {
    const reachable = group.parts.filter(({ node }) => this.#isReachable(node))
    return reachable[group.turn++ % reachable.length]
  }

  #give(group: SharedGroup, part: Part, entry: LogEntry): void {
    part.held.add(entry)
    const held: HeldEntry = {
      position: entry.position,
      message: copyOf(entry.message),
      done: () => {
        part.held.delete(entry)
      },
      giveBack: () => {
        if (!part.held.delete(entry)) return
        group.waiting.push(entry)
        setImmediate(() => this.#handOut(group))
      },
    }
    setImmediate(() => part.take(held))
  }
}
