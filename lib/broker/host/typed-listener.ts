/**
 * A listener for decoded values: reads the named levels from the topic and the value from the payload, and keeps the
 * order with an asynchronous validator. Must not know the broker.
 */
import type { Message } from '../../../types/message/message.js'
import type { PayloadCodec, PayloadOutput } from '../../../types/message/payload.js'
import { codecOf } from '../../payload/payload-codec.js'
import type { TopicParams, TopicPattern } from '../../topic/topic-pattern.js'
import { isPromise } from '../../util/maybe-promise.js'

/** Receives the values of a topic. An error that it throws, or rejects with, is emitted as `hookError`. */
export type ValueListener<Pattern extends string, Schema> = (
  value: PayloadOutput<Schema>,
  params: TopicParams<Pattern>,
  packet: Message,
) => unknown

/** Wraps a listener of values as a listener of messages. It throws, or rejects, if a payload is not such a value. */
export function typedListener<Pattern extends string, Schema>(
  pattern: TopicPattern<Pattern>,
  schema: Schema,
  listener: ValueListener<Pattern, Schema>,
): (message: Message) => unknown {
  const codec: PayloadCodec = codecOf(schema)
  /** The pending value, if there is one. */
  let earlier: Promise<unknown> | undefined

  return message => {
    const params = pattern.match(message.topic)
    // a filter may match a topic whose levels cannot be parsed: `a/#` and the topic `a`
    if (params === undefined) return undefined
    const tell = (value: unknown) => listener(value as PayloadOutput<Schema>, params, message)
    const value = codec.decode(message.payload)
    if (earlier === undefined && !isPromise(value)) return tell(value)
    // a rejection is handled in its turn, not earlier
    if (isPromise(value)) value.catch(() => {})
    const turn = (earlier ?? Promise.resolve()).then(async () => tell(await value))
    const settled = turn.catch(() => {})
    earlier = settled
    settled.then(() => {
      if (earlier === settled) earlier = undefined
    })
    return turn
  }
}
