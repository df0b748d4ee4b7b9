/** Claims whose answers are lost: the next owner must not wait for a node that does not know that it has the client. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Claims, NOT_HELD } from '../../../lib/nats/nodes/claims.js'
import type { Membership } from '../../../lib/nats/nodes/membership.js'
import { ShardSubjects } from '../../../lib/nats/wire/subjects.js'
import {
  type OutgoingRecord,
  RefusedRequest,
  type StoredRecord,
  type Wire,
  type WriteOptions,
} from '../../../lib/nats/wire/wire.js'

const NEVER = new AbortController()
const WRONG_LAST_SEQUENCE = 10071

/** A stream of one server, and the nodes that answer requests. */
class Stream {
  readonly nodes = new Map<string, Claims>()
  asked = 0
  /** Whether the answers to writes are lost. */
  isSilent = false
  readonly #records = new Map<string, StoredRecord>()
  #sequence = 0

  join(node: string): Claims {
    const claims = new Claims({
      wire: this as unknown as Wire,
      self: { node, epoch: node },
      shards: [{ stream: 's', subjects: new ShardSubjects('test', 0) }],
      shardOf: () => 0,
      membership: { isGone: async () => false } as unknown as Membership,
      lost: NEVER.signal,
      requestTo: epoch => epoch,
    })
    this.nodes.set(node, claims)
    return claims
  }

  async last(_stream: string, subject: string): Promise<StoredRecord | undefined> {
    return this.#records.get(subject)
  }

  async write({ subject, body }: OutgoingRecord, { expect }: WriteOptions): Promise<{ seq: number }> {
    const found = this.#records.get(subject)?.sequence ?? 0
    if (expect !== undefined && expect.sequence !== found) throw new RefusedRequest(WRONG_LAST_SEQUENCE, 'wrong')
    this.#records.set(subject, { subject, body, sequence: ++this.#sequence, time: 0 })
    if (this.isSilent) throw new Error('timeout')
    return { seq: this.#sequence }
  }

  /** The request to release a client. */
  async ask(epoch: string, clientId: string): Promise<string> {
    this.asked++
    return this.nodes.get(epoch)!.isFree(clientId) ? NOT_HELD : ''
  }
}

test('a claim whose answer was lost is taken over by the next node like any other', async () => {
  const stream = new Stream()
  const [one, other] = [stream.join('one'), stream.join('other')]
  stream.isSilent = true
  await assert.rejects(one.claim('client', NEVER), { code: 'ANAX_ERR_CLUSTER' })
  stream.isSilent = false
  const { previous, wasInUse } = await other.claim('client', NEVER)
  assert.deepEqual([previous, wasInUse, stream.asked], ['one', true, 1])
})

test('a node whose claim was not answered claims again', async () => {
  const stream = new Stream()
  const one = stream.join('one')
  stream.isSilent = true
  await assert.rejects(one.claim('client', NEVER))
  stream.isSilent = false
  const claim = await one.claim('client', NEVER)
  assert.ok(one.isHeld(claim) && !one.isFree('client'))
})

test('an owner that is asked to release a client keeps it until it has released it', async () => {
  const stream = new Stream()
  const [one, other] = [stream.join('one'), stream.join('other')]
  const held = await one.claim('client', NEVER)
  const giveUp = new AbortController()
  const waiting = other.claim('client', giveUp)
  while (stream.asked < 2) await new Promise(resolve => setTimeout(resolve, 5))
  assert.ok(one.isHeld(held))
  giveUp.abort(new Error('enough'))
  await assert.rejects(waiting)
})
