/**
 * Settings of this node's consumers, and functions to follow the latest records of subjects. Owns the settings, and
 * when a consumer must be replaced; must not know the meaning of messages.
 */
import type {
  ConsumerMessages,
  ConsumerNotification,
  JetStreamClient,
  JetStreamManager,
  JsMsg,
} from '@nats-io/jetstream'

/** The lifetime of a pull request, and the interval of its heartbeats. */
export const PULL = { expires: 10_000, idle_heartbeat: 1000, abort_on_missing_resource: true } as const

/** A consumer of one node, which the server removes after 30 s without a reader. */
export const EPHEMERAL = {
  ack_policy: 'none',
  mem_storage: true,
  num_replicas: 1,
  inactive_threshold: 30_000_000_000,
} as const

/** The stream of a consumer. */
export interface PullSource {
  readonly manager: JetStreamManager
  readonly client: JetStreamClient
  readonly stream: string
}

/** Followed records. */
export interface Followed {
  readonly messages: ConsumerMessages
  /** The number of existing records. */
  readonly pending: number
}

/**
 * Follows the latest record of each subject and all later ones. Each record replaces the one before, so a subject has
 * one. The policy `last_per_subject` finds the same, but a server stalls for seconds when a record is replaced before it
 * was delivered.
 * @param consumer an unused name for a consumer
 */
export async function followLatest(
  { manager, client, stream }: PullSource,
  consumer: string,
  subjects: string[],
): Promise<Followed> {
  const { num_pending } = await manager.consumers.add(stream, {
    ...EPHEMERAL,
    name: consumer,
    deliver_policy: 'all',
    filter_subjects: subjects,
  })
  const messages = await (await client.consumers.get(stream, consumer)).consume(PULL)
  return { messages, pending: num_pending }
}

/** Ends the messages of a consumer that is gone, or whose server is: two heartbeats are missing. */
export async function stopWhenGone(messages: ConsumerMessages): Promise<void> {
  for await (const status of messages.status()) if (isGone(status)) messages.stop()
}

/**
 * The messages of a consumer that only this node reads, up to the first missing one: a server counts messages as
 * delivered that it sent to a broken connection. The reader then creates another consumer after the last message.
 */
export async function* withoutGaps(messages: ConsumerMessages, failed: (error: Error) => void): AsyncGenerator<JsMsg> {
  stopAtGap(messages).catch(failed)
  let delivered = 0
  for await (const message of messages) {
    if (message.info.deliverySequence !== ++delivered) break
    yield message
  }
  messages.stop()
}

/**
 * Detects missing last messages, after which no other one shows the gap: a heartbeat contains the number of messages
 * that the server has sent. It is told late, so that a message that came behind it may be counted already.
 */
async function stopAtGap(messages: ConsumerMessages): Promise<void> {
  for await (const status of messages.status()) {
    const isGap = status.type === 'heartbeat' && status.lastConsumerSequence > messages.getReceived()
    if (isGap || isGone(status)) messages.stop()
  }
}

function isGone({ type }: ConsumerNotification): boolean {
  return type === 'heartbeats_missed' || type === 'consumer_deleted' || type === 'consumer_not_found'
}
