/**
 * Tracks the other nodes by the records that they renew. Owns the decision that a node has failed, and fences it before
 * anything relies on that. Must not know claims.
 */
import type { MembershipChange } from '../../../types/cluster.js'
import { partitionsOf, type ShardSubjects } from '../wire/subjects.js'
import { type OutgoingRecord, RefusedRequest, ServerError, type StoredRecord, type Wire } from '../wire/wire.js'
import { ENDED_SECONDS, type NodeRecord, nodeRecordOf } from './lease.js'

/** Checks of the other nodes within one lease. */
const LOOKS = 5
const PAUSE_MS = 20
const WRITE_MS = 3000

/** Another node. */
interface Member {
  readonly node: string
  readonly epoch: string
  /** It only imports or exports. */
  readonly isGuest: boolean
  /** The sequence of its record. */
  sequence: number
  /** When a new record was last seen, by the monotonic clock. */
  seenAt: number
}

export interface MembershipParts {
  readonly wire: Wire
  readonly self: { readonly node: string; readonly epoch: string; readonly isGuest: boolean }
  readonly stream: string
  readonly shards: readonly { readonly stream: string; readonly subjects: ShardSubjects }[]
  readonly subjectOf: (node: string) => string
  readonly leaseMs: number
  changed(change: MembershipChange): void
  /** Called when the partitions of this node have changed. */
  repartitioned(): void
  failed(error: Error): void
}

export class Membership {
  readonly #parts: MembershipParts
  readonly #members = new Map<string, Member>()
  /** Epochs that are fenced in all shards. */
  readonly #fenced = new Set<string>()
  #mine: Set<number>
  #timer: NodeJS.Timeout | undefined

  constructor(parts: MembershipParts) {
    this.#parts = parts
    this.#mine = partitionsOf(parts.self.node, this.nodes)
    this.#timer = setInterval(() => this.#look(), parts.leaseMs / LOOKS)
  }

  /** The nodes that take care of sessions. */
  get nodes(): string[] {
    const { self } = this.#parts
    return [self, ...this.#members.values()].flatMap(({ node, isGuest }) => (isGuest ? [] : [node])).sort()
  }

  /** The partitions of this node. */
  get mine(): ReadonlySet<number> {
    return this.#mine
  }

  isAlive(node: string, epoch: string): boolean {
    const { self } = this.#parts
    return node === self.node ? epoch === self.epoch : this.#members.get(node)?.epoch === epoch
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** Handles the record of a node. */
  read(node: string, record: StoredRecord): void {
    const content = nodeRecordOf(record)
    if (content === undefined || node === this.#parts.self.node || this.#fenced.has(content.epoch)) return
    const known = this.#members.get(node)
    if (known?.epoch === content.epoch) this.#readKnown(known, content, record.sequence)
    else if (content.left !== true) this.#readNew(known, node, content, record.sequence)
  }

  /** Whether a process has failed; it is then fenced, and can no longer write. */
  async isGone(node: string, epoch: string): Promise<boolean> {
    if (this.isAlive(node, epoch)) return false
    if (this.#fenced.has(epoch)) return true
    // an unknown process may have started a moment ago: the leader knows
    const record = await this.#lookUp(node)
    if (record !== undefined) this.read(node, record)
    if (this.isAlive(node, epoch)) return false
    await this.#fence(node, epoch)
    return true
  }

  async #fence(node: string, epoch: string): Promise<void> {
    await Promise.all(
      this.#parts.shards.map(({ stream, subjects }) => this.#fenceIn(stream, subjects.fence(node), epoch)),
    )
    this.#fenced.add(epoch)
  }

  #lookUp(node: string): Promise<StoredRecord | undefined> {
    const { wire, stream, subjectOf } = this.#parts
    return wire.last(stream, subjectOf(node))
  }

  #readKnown(member: Member, { left, lost }: NodeRecord, sequence: number): void {
    if (left === true) {
      this.#remove(member, lost === true ? 'lost' : 'left')
    } else if (sequence > member.sequence) {
      member.sequence = sequence
      member.seenAt = performance.now()
    }
  }

  #readNew(known: Member | undefined, node: string, { epoch, guest }: NodeRecord, sequence: number): void {
    if (known !== undefined) this.#remove(known, 'lost')
    const member = { node, epoch, isGuest: guest === true, sequence, seenAt: performance.now() }
    this.#members.set(node, member)
    this.#tell(member, 'joined')
  }

  #remove(member: Member, change: 'left' | 'lost'): void {
    this.#members.delete(member.node)
    this.#tell(member, change)
  }

  #tell({ node, isGuest }: Member, change: MembershipChange['change']): void {
    if (!isGuest) this.#parts.changed({ node, change })
    // a guest may leave claims behind
    this.#repartition()
  }

  #repartition(): void {
    this.#mine = partitionsOf(this.#parts.self.node, this.nodes)
    this.#parts.repartitioned()
  }

  async #look(): Promise<void> {
    const { leaseMs } = this.#parts
    const now = performance.now()
    for (const member of [...this.#members.values()]) {
      if (now - member.seenAt > leaseMs) await this.#examine(member).catch(this.#parts.failed)
    }
  }

  /** Asks the leader about a silent node, because the problem may be on this side. */
  async #examine(member: Member): Promise<void> {
    const { leaseMs } = this.#parts
    const seenAt = performance.now()
    const record = await this.#lookUp(member.node)
    if (record !== undefined && record.sequence > member.sequence) {
      // it was renewed meanwhile; its lease may count from now
      if (nodeRecordOf(record)?.epoch === member.epoch) member.seenAt = seenAt
      this.read(member.node, record)
      return
    }
    if (performance.now() - member.seenAt <= leaseMs || this.#members.get(member.node) !== member) return
    await this.#fence(member.node, member.epoch)
    if (this.#members.get(member.node) === member) this.#remove(member, 'lost')
    await this.#noteLost(member)
  }

  /** So that a node that starts later does not take it for a member until its lease would have ended. */
  async #noteLost({ node, epoch, sequence }: Member): Promise<void> {
    const record: NodeRecord = { epoch, left: true, lost: true }
    await this.#replace(this.#parts.subjectOf(node), JSON.stringify(record), sequence)
  }

  async #fenceIn(stream: string, subject: string, epoch: string): Promise<void> {
    const record = await this.#parts.wire.last(stream, subject)
    if (record === undefined || Buffer.from(record.body).toString('utf8') !== epoch) return
    // another node was faster, or a write is in progress: check again
    if (await this.#replace(subject, 'fenced', record.sequence)) return
    await new Promise(resolve => setTimeout(resolve, PAUSE_MS))
    await this.#fenceIn(stream, subject, epoch)
  }

  /** Replaces a record of a node that is gone by one that expires. @returns whether it was still there */
  async #replace(subject: string, text: string, sequence: number): Promise<boolean> {
    const record: OutgoingRecord = { subject, body: Buffer.from(text), ttl: ENDED_SECONDS, replaces: true }
    try {
      await this.#parts.wire.write(record, { expect: { subject, sequence } }, WRITE_MS)
      return true
    } catch (error) {
      if (error instanceof RefusedRequest && error.is(ServerError.WrongLastSequence)) return false
      throw error
    }
  }
}
