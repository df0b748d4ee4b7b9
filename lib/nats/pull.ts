/**
 * How this node's consumers pull messages, and how the latest records of subjects are followed. Owns these settings; must
 * not know what the messages mean.
 */
import type { ConsumerMessages, JetStreamClient, JetStreamManager } from '@nats-io/jetstream'

/** A pull that is not answered, and the sign of life that is expected meanwhile. */
export const PULL = { expires: 10_000, idle_heartbeat: 1000, abort_on_missing_resource: true } as const

/** A consumer of one node alone; it goes by itself after 30 s in which nobody reads it. */
export const EPHEMERAL = {
  ack_policy: 'none',
  mem_storage: true,
  num_replicas: 1,
  inactive_threshold: 30_000_000_000,
} as const

/** Where a consumer is made. */
export interface PullSource {
  readonly manager: JetStreamManager
  readonly client: JetStreamClient
  readonly stream: string
}

/**
 * Follows the latest record of each subject, and each that comes after it.
 * @param consumer a name that no consumer has had
 * @returns the messages, and how many records there are already
 */
export async function followLatest(
  { manager, client, stream }: PullSource,
  consumer: string,
  subjects: string[],
): Promise<{ messages: ConsumerMessages; pending: number }> {
  const { num_pending } = await manager.consumers.add(stream, {
    ...EPHEMERAL,
    name: consumer,
    deliver_policy: 'last_per_subject',
    filter_subjects: subjects,
  })
  const messages = await (await client.consumers.get(stream, consumer)).consume(PULL)
  return { messages, pending: num_pending }
}
