/** Distinguishes the kinds of arguments that methods of the broker accept. */
import type { Duplex } from 'node:stream'
import type { PayloadSchema } from '../../../types/message/payload.js'
import { AnaxError } from '../../errors.js'
import { TopicPattern } from '../../topic/topic-pattern.js'

/** The filter of a topic with named levels, or the given filter. */
export function filterOf(topic: string | TopicPattern): string {
  return topic instanceof TopicPattern ? topic.filter : topic
}

/** The topic of values, which has named levels. @throws AnaxError ANAX_ERR_ARGUMENT for plain text */
export function patternOf(topic: string | TopicPattern): TopicPattern {
  if (topic instanceof TopicPattern) return topic
  throw new AnaxError('ANAX_ERR_ARGUMENT', {
    detail: `a subscription with a schema takes topic('sensors/:room'), got the plain topic ${topic}`,
  })
}

/** Whether a value is a schema. A validator may be a function, as in arktype. */
export function isSchema(value: unknown): value is PayloadSchema {
  return (typeof value === 'object' && value !== null) || (typeof value === 'function' && '~standard' in value)
}

/** Whether a value is a duplex stream, of Node.js or of a package. */
export function isDuplex(value: Partial<Duplex> | null | undefined): boolean {
  return [value?.on, value?.read, value?.write, value?.destroy].every(method => typeof method === 'function')
}
