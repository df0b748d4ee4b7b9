/** Distinguishes the kinds of arguments that methods of the broker accept. */
import type { Duplex } from 'node:stream'
import type { PayloadSchema } from '../../../types/payload.js'
import { TopicPattern } from '../../topic/topic-pattern.js'

/** The filter of a topic with named levels, or the given filter. */
export function filterOf(topic: string | TopicPattern): string {
  return topic instanceof TopicPattern ? topic.filter : topic
}

/** Whether a value is a schema. A validator may be a function, as in arktype. */
export function isSchema(value: unknown): value is PayloadSchema {
  return typeof value === 'object' || (typeof value === 'function' && '~standard' in value)
}

/** Whether a value is a duplex stream, of Node.js or of a package. */
export function isDuplex(value: Partial<Duplex> | null | undefined): boolean {
  return [value?.on, value?.read, value?.write, value?.destroy].every(method => typeof method === 'function')
}
