/** What the host may hand to a broker's methods, and how it is told apart. Must not know what follows. */
import type { Duplex } from 'node:stream'
import type { PayloadSchema } from '../../../types/payload.js'
import { TopicPattern } from '../../topic/topic-pattern.js'

/** The filter of a topic with named levels, or the one that was given. */
export function filterOf(topic: string | TopicPattern): string {
  return topic instanceof TopicPattern ? topic.filter : topic
}

/** A validator may be a export function as well, as those of arktype are. */
export function isSchema(value: unknown): value is PayloadSchema {
  return typeof value === 'object' || (typeof value === 'function' && '~standard' in value)
}

/** Whether a value is a stream of whatever make: Node.js's, or one of a package. */
export function isDuplex(value: Partial<Duplex> | null | undefined): boolean {
  return [value?.on, value?.read, value?.write, value?.destroy].every(method => typeof method === 'function')
}
