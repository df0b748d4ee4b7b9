/** Everything that Anax exports: the broker, its errors and reason codes, and all contracts. */
export type * from '../types/index.js'
export { Broker, createBroker } from './broker/broker.js'
export { AnaxError, ERRORS, type ErrorCode, type ErrorDetail, type ErrorScope } from './errors.js'
export { json, number, text } from './payload/payload-codec.js'
export { type SchemaRule, type SchemasOptions, schemas } from './payload/schemas.js'
export {
  createMemoryPersistence,
  type MemoryPersistence,
  type MemoryPersistenceOptions,
} from './persistence/memory/memory.js'
export { ReasonCode } from './reason-codes.js'
export { filterMatches } from './topic/topic.js'
export {
  type NameArguments,
  type TopicNameParams,
  type TopicParams,
  TopicPattern,
  topic,
} from './topic/topic-pattern.js'
