/**
 * The client identifiers that this node owns. Owns the compare-and-set and the requests to other nodes to release a
 * client; must not know what a session is.
 */
import type { Claim } from '../../../types/cluster.js'
import type { PartCounts } from '../log/record-parts.js'
import { Gathering } from '../wire/gathering.js'
import type { ShardSubjects } from '../wire/subjects.js'
import {
  clusterError,
  type OutgoingRecord,
  RefusedRequest,
  ServerError,
  type StoredRecord,
  type Wire,
} from '../wire/wire.js'
import type { Membership } from './membership.js'

/**
 * How long the record of a released claim stays, in seconds: the minimum that a server accepts. While it exists, the
 * first attempt of the next claim is refused, because it expects no record.
 */
const FREED_SECONDS = 1
const ATTEMPT_MS = 2500
/** Maximum number of concurrent claims. */
const MAX_ATTEMPTS = 200
const PAUSE_MS = 100
/** Time limit for an owner to release a client; then the request is repeated. */
const LET_GO_MS = 3000

/** The answer of a node that was asked to release a client and does not hold it. */
export const NOT_HELD = 'not held'

/** A signal that is never aborted. */
const NEVER = new AbortController()

/** Asked for its signal only by a claim that has to wait, because it is expensive to make. */
type GivingUp = Pick<AbortController, 'signal'>

/** The owner of a client. */
export interface Owner {
  readonly node: string
  readonly epoch: string
  readonly clientId: string
  /** It only takes care of the session, without a client. */
  readonly caretaker?: true
}

/** A claim to be written. */
interface Attempt {
  readonly owner: Owner
  /** The sequence of the record that it replaces, 0 for none. */
  readonly expected: number
  /** @param sequence undefined if it is refused */
  resolve(sequence: number | undefined): void
  reject(error: unknown): void
}

/** The previous owner of a free claim. */
interface Free {
  /** The sequence of the claim's record, which the next claim expects. */
  readonly sequence: number
  readonly previous?: string | undefined
  readonly wasInUse?: boolean
}

/** A claim with its shard, and the records of the client that have several parts. */
export interface HeldClaim extends Claim {
  readonly shard: number
  readonly partCounts: PartCounts
}

export interface ClaimsParts {
  readonly wire: Wire
  readonly self: { readonly node: string; readonly epoch: string }
  readonly shardOf: (clientId: string) => number
  readonly shards: readonly { readonly stream: string; readonly subjects: ShardSubjects }[]
  readonly membership: Membership
  readonly lost: AbortSignal
  /** The subject of requests to release a client. */
  readonly requestTo: (epoch: string) => string
}

export class Claims {
  readonly #parts: ClaimsParts
  readonly #held = new Map<string, HeldClaim>()
  /** Client identifiers that are being claimed, with the number of pending claims. */
  readonly #claiming = new Map<string, number>()
  /** By shard. */
  readonly #attempts: readonly Gathering<Attempt>[]

  constructor(parts: ClaimsParts) {
    this.#parts = parts
    this.#attempts = parts.shards.map(
      (_, shard) => new Gathering<Attempt>(MAX_ATTEMPTS, attempts => this.#send(shard, attempts)),
    )
  }

  get size(): number {
    return this.#held.size
  }

  /** Whether a claim is currently held. */
  isHeld({ clientId, token }: Claim): boolean {
    return this.#held.get(clientId)?.token === token
  }

  holds(clientId: string): boolean {
    return this.#held.has(clientId)
  }

  /**
   * Whether this node neither holds nor claims a client. A record that names this node nevertheless is from an attempt
   * whose answer was lost.
   */
  isFree(clientId: string): boolean {
    return !this.#held.has(clientId) && !this.#claiming.has(clientId)
  }

  /** Rejects with ANAX_ERR_CLUSTER, ANAX_ERR_FENCED. */
  claim(clientId: string, giveUp: GivingUp): Promise<HeldClaim> {
    // it does not give up by itself
    return this.#claim(clientId, giveUp, 'ask') as Promise<HeldClaim>
  }

  /** @returns undefined if a live node has it for a client */
  async claimIfFree(clientId: string): Promise<HeldClaim | undefined> {
    return this.#held.has(clientId) ? undefined : await this.#claim(clientId, NEVER, 'give up')
  }

  async #claim(clientId: string, giveUp: GivingUp, ifTaken: 'ask' | 'give up'): Promise<HeldClaim | undefined> {
    this.#claiming.set(clientId, (this.#claiming.get(clientId) ?? 0) + 1)
    const shard = this.#parts.shardOf(clientId)
    // most clients are new, or were disconnected for long
    let free: Free | undefined = { sequence: 0 }
    try {
      while (free !== undefined) {
        this.#checkLease()
        const isCaretaker = ifTaken === 'give up' && free.wasInUse !== true
        const token = await this.#attempt(clientId, shard, free.sequence, isCaretaker)
        if (token !== undefined) return this.#hold(clientId, shard, token, free)
        free = await this.#whenFree(clientId, shard, giveUp, ifTaken, free)
      }
      return undefined
    } finally {
      this.#noteClaimed(clientId)
    }
  }

  #hold(clientId: string, shard: number, token: number, { previous, wasInUse }: Free): HeldClaim {
    const claim = { clientId, token, shard, previous, wasInUse, partCounts: new Map() }
    this.#held.set(clientId, claim)
    return claim
  }

  #noteClaimed(clientId: string): void {
    const left = this.#claiming.get(clientId)! - 1
    if (left > 0) this.#claiming.set(clientId, left)
    else this.#claiming.delete(clientId)
  }

  /** The record that releases a claim, for the last write. */
  freed({ clientId, shard }: HeldClaim): OutgoingRecord {
    const subject = this.#parts.shards[shard]!.subjects.claim(clientId)
    return { subject, body: new Uint8Array(0), ttl: FREED_SECONDS, replaces: true }
  }

  /** Forgets a claim that is no longer held. */
  forget({ clientId, token }: Claim): void {
    if (this.#held.get(clientId)?.token === token) this.#held.delete(clientId)
  }

  /** The client of a claim's record, if its owner has failed; the owner is fenced first. */
  async orphanOf(record: StoredRecord): Promise<string | undefined> {
    const owner = ownerOf(record)
    if (owner === undefined) return undefined
    return (await this.#parts.membership.isGone(owner.node, owner.epoch)) ? owner.clientId : undefined
  }

  /**
   * @param isCaretaker a claim that was in use counts as such until it is written again
   * @returns the sequence of the claim; undefined if it was refused
   */
  #attempt(clientId: string, shard: number, expected: number, isCaretaker: boolean): Promise<number | undefined> {
    const owner = { ...this.#parts.self, clientId, ...(isCaretaker && ({ caretaker: true } as const)) }
    return new Promise((resolve, reject) => this.#attempts[shard]!.add({ owner, expected, resolve, reject }))
  }

  /**
   * The next batch begins when the first of these claims is answered: the others are answered at about the same time.
   */
  #send(shard: number, attempts: readonly Attempt[]): Promise<unknown> {
    return Promise.race(attempts.map(attempt => this.#sendOne(shard, attempt)))
  }

  #sendOne(shard: number, { owner, expected, resolve, reject }: Attempt): Promise<void> {
    const { wire, shards } = this.#parts
    const subject = shards[shard]!.subjects.claim(owner.clientId)
    const record = { subject, body: Buffer.from(JSON.stringify(owner)), ttl: undefined, replaces: true }
    const written = wire.write(record, { expect: { subject, sequence: expected } }, ATTEMPT_MS)
    return written.then(
      ({ seq }) => resolve(seq),
      error => {
        if (!(error instanceof RefusedRequest)) reject(clusterError(error, `no claim of ${owner.clientId}`))
        else if (error.is(ServerError.WrongLastSequence)) resolve(undefined)
        // a server without a leader refuses, and soon has one
        else setTimeout(resolve, PAUSE_MS, undefined)
      },
    )
  }

  /** Waits until no live node has it. Resolves to undefined if it gives up. */
  async #whenFree(
    clientId: string,
    shard: number,
    giveUp: GivingUp,
    ifTaken: 'ask' | 'give up',
    before: Free,
  ): Promise<Free | undefined> {
    const { wire, self, shards, membership } = this.#parts
    const { signal } = giveUp
    const { stream, subjects } = shards[shard]!
    let { previous } = before
    let asked = 0
    for (;;) {
      this.#checkGoesOn(signal)
      const record = await this.#read(() => wire.last(stream, subjects.claim(clientId)), clientId)
      const owner = record && ownerOf(record)
      if (record === undefined || owner === undefined) return { sequence: record?.sequence ?? 0, previous }
      // an unanswered attempt of this process
      if (owner.node === self.node && owner.epoch === self.epoch) return { ...before, sequence: record.sequence }
      if (await this.#read(() => membership.isGone(owner.node, owner.epoch), clientId)) {
        return { sequence: record.sequence, previous: owner.node, wasInUse: owner.caretaker !== true }
      }
      // a node that only takes care of the session is done soon
      if (ifTaken === 'give up' && owner.caretaker !== true) return undefined
      previous = owner.node
      // it has answered, and the record is unchanged: it is still releasing the client
      if (record.sequence === asked) await pause(PAUSE_MS)
      asked = record.sequence
      const isFree = await this.#askToLetGo(owner, signal)
      if (isFree) return { sequence: record.sequence, previous, wasInUse: owner.caretaker !== true }
    }
  }

  async #read<T>(operation: () => Promise<T>, clientId: string): Promise<T> {
    try {
      return await operation()
    } catch (error) {
      throw clusterError(error, `no claim of ${clientId}`)
    }
  }

  /**
   * Repeats the request until the owner has released the client or has failed.
   * @returns whether it answered that it does not hold the client, whatever the record says
   */
  async #askToLetGo({ epoch, clientId }: Owner, signal: AbortSignal): Promise<boolean> {
    const { wire, requestTo } = this.#parts
    try {
      const answer = await untilAborted(wire.ask(requestTo(epoch), clientId, LET_GO_MS), signal)
      if (answer !== undefined) return answer === NOT_HELD
    } catch {
      // the owner needs more time
    }
    await pause(PAUSE_MS)
    return false
  }

  #checkLease(): void {
    const { lost } = this.#parts
    if (lost.aborted) throw clusterError(lost.reason)
  }

  #checkGoesOn(signal: AbortSignal): void {
    this.#checkLease()
    if (signal.aborted) throw clusterError(signal.reason ?? new Error('given up'), 'no claim')
  }
}

/** The owner in the record of a claim; undefined if it is free. */
export function ownerOf({ body }: Pick<StoredRecord, 'body'>): Owner | undefined {
  return body.length === 0 ? undefined : (JSON.parse(Buffer.from(body).toString('utf8')) as Owner)
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
