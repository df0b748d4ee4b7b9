/**
 * The operations of a store that are not needed if queues are a log: no receivers are looked up when a message is
 * published, nothing is appended to queues, and due items are not searched for. Stores nothing itself.
 */
import type { Message } from '../../types/message/message.js'
import type {
  MatchedSubscription,
  MaybeAsyncIterable,
  MaybePromise,
  MessageRef,
  QueuedMessage,
  ScheduledWill,
  SentCopy,
  SessionChange,
  SessionPersistence,
  StoreClient,
  StoredSession,
  StoredSubscription,
  StoredWill,
  SweepResult,
} from '../../types/persistence.js'
import { AnaxError } from '../errors.js'

const NOBODY: readonly MatchedSubscription[] = []

export abstract class LogBackedStore implements SessionPersistence {
  readonly sessionPersistence = 1
  readonly durability = 'commit'
  readonly retainedCount = 0
  readonly retainedBytes = 0

  abstract openSession(clientId: string): StoredSession | undefined
  abstract saveSession(session: SessionChange): MaybePromise<void>
  abstract deleteSession(clientId: string): Promise<void>
  abstract addSubscriptions(client: StoreClient, subscriptions: StoredSubscription[]): Promise<void>
  abstract removeSubscriptions(client: StoreClient, topics: string[]): Promise<void>
  abstract subscriptionsByClient(client: StoreClient): StoredSubscription[]
  abstract queued(clientId: string): MaybeAsyncIterable<QueuedMessage>
  abstract inflight(clientId: string): MaybeAsyncIterable<QueuedMessage>
  abstract queueSize(clientId: string): { messages: number; bytes: number }
  abstract markSent(clientId: string, ref: MessageRef, packetId: number, copy: SentCopy): MaybePromise<void>
  abstract markReleased(clientId: string, ref: MessageRef, packetId: number): Promise<void>
  abstract removeQueued(clientId: string, ref: MessageRef): MaybePromise<void>
  abstract addIncoming(clientId: string, packetId: number): Promise<void>
  abstract removeIncoming(clientId: string, packetId: number): MaybePromise<void>
  abstract saveWill(clientId: string, will: StoredWill, dueAt: number | undefined): Promise<void>
  abstract deleteWill(clientId: string): MaybePromise<void>
  abstract getWill(client: StoreClient): StoredWill | undefined
  abstract retained(filters: readonly string[]): MaybeAsyncIterable<Message>
  abstract retainedOf(topic: string): Promise<Message | undefined>
  abstract destroy(): Promise<void>

  setup(): void {}
  recover(): void {}
  checkRetained(): void {}

  /** The engine notifies the node that handles a deadline. */
  nextDeadline(): undefined {
    return undefined
  }

  expiredSessions(): string[] {
    return []
  }

  dueWills(): ScheduledWill[] {
    return []
  }

  sweep(): SweepResult {
    return { dropped: [], retained: [], more: false }
  }

  /** The engine has the groups. */
  sharedSubscriptions(): readonly MatchedSubscription[] {
    return NOBODY
  }

  subscriptionsByTopic(): readonly MatchedSubscription[] {
    return NOBODY
  }

  countOffline(): { subsCount: number; clientsCount: number } {
    return { subsCount: 0, clientsCount: 0 }
  }

  async *createRetainedStream(pattern: string): AsyncGenerator<Message> {
    yield* this.retained([pattern])
  }

  async *createRetainedStreamCombi(patterns: string[]): AsyncGenerator<Message> {
    yield* this.retained(patterns)
  }

  async *streamWill(): AsyncGenerator<StoredWill> {}
  async *getClientList(): AsyncGenerator<string> {}

  putWill(client: StoreClient, will: StoredWill): Promise<void> {
    return this.saveWill(client.id, will, undefined)
  }

  async delWill(client: StoreClient): Promise<StoredWill | undefined> {
    const will = this.getWill(client)
    await this.deleteWill(client.id)
    return will
  }

  async cleanSubscriptions(client: StoreClient): Promise<void> {
    await this.removeSubscriptions(
      client,
      this.subscriptionsByClient(client).map(({ topic }) => topic),
    )
  }

  storeRetained(): never {
    return unused('storeRetained')
  }

  enqueue(): never {
    return unused('enqueue')
  }

  outgoingEnqueue(): never {
    return unused('outgoingEnqueue')
  }

  outgoingEnqueueCombi(): never {
    return unused('outgoingEnqueueCombi')
  }

  outgoingUpdate(): never {
    return unused('outgoingUpdate')
  }

  outgoingClearMessageId(): never {
    return unused('outgoingClearMessageId')
  }

  outgoingStream(): never {
    return unused('outgoingStream')
  }

  incomingStorePacket(): never {
    return unused('incomingStorePacket')
  }

  incomingGetPacket(): never {
    return unused('incomingGetPacket')
  }

  incomingDelPacket(): never {
    return unused('incomingDelPacket')
  }
}

function unused(name: string): never {
  throw new AnaxError('ANAX_ERR_STORE', { detail: `a cluster has no ${name}` })
}
