/**
 * The queue of a session: what is in flight, what is stored in the session, and what it has not read in the log, in this
 * order. Changes nothing; must not know who sends.
 */
import type { ClusterNode } from '../../../types/cluster.js'
import type { Message } from '../../../types/message/message.js'
import type { MessageRef, QueuedMessage } from '../../../types/persistence.js'
import { copyOf, refKey } from '../../model/message.js'
import type { LogQueue } from './log-queue.js'
import { type OwnedSession, positionOf } from './owned-session.js'

/** The messages in flight. What the log has forgotten is not in flight any more. */
export async function* inflightOf(owned: OwnedSession, node: ClusterNode): AsyncGenerator<QueuedMessage> {
  for (const { ref, packetId, delivery, released } of [...owned.sent.values()]) {
    const message = released ? undefined : await contentOf(owned, node, ref)
    if (message !== undefined || released) yield { message, ref, delivery, packetId }
    else owned.sent.delete(refKey(ref))
  }
}

/** The messages that were not sent yet. */
export async function* waitingOf(owned: OwnedSession, queue: LogQueue): AsyncGenerator<QueuedMessage> {
  for (const { message, delivery } of [...owned.own.values()]) {
    const { brokerId, brokerCounter } = message
    const ref = { brokerId, brokerCounter }
    // it may have been delivered after the read began
    if (owned.own.has(brokerCounter) && !owned.sent.has(refKey(ref)))
      yield { message, ref, delivery, packetId: undefined }
  }
  yield* queue.read(owned)
}

async function contentOf(owned: OwnedSession, node: ClusterNode, ref: MessageRef): Promise<Message | undefined> {
  const position = positionOf(ref)
  if (position === undefined) return owned.own.get(ref.brokerCounter)?.message
  const entry = await node.entry(position)
  return entry && Object.assign(copyOf(entry.message), ref)
}
