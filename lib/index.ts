/** Everything that Anax exports: the broker, its errors and reason codes, and all contracts. */
export type * from '../types/index.js'
export { Broker } from './broker/broker.js'
export { createBroker } from './broker/create-broker.js'
export type { HostClientOptions, Responder } from './broker/host/host-side.js'
export type { MessageStream, MessagesOptions } from './broker/host/message-stream.js'
export type { RequestHandler, RequestOptions, ResponseInput } from './broker/host/requests.js'
export type { ValueListener } from './broker/host/typed-listener.js'
export { type ClusterExport, openClusterExport } from './broker/transfer/cluster-export.js'
export { type ClusterImport, openClusterImport } from './broker/transfer/cluster-import.js'
export { AnaxError, ERRORS, type ErrorCode, type ErrorDetail, type ErrorScope } from './errors.js'
export { json, number, text } from './payload/payload-codec.js'
export { type SchemaRule, type SchemasOptions, schemas } from './payload/schemas.js'
export {
  createMemoryPersistence,
  type MemoryPersistence,
  type MemoryPersistenceOptions,
} from './persistence/memory/memory.js'
export { ReasonCode } from './reason-codes.js'
export { areClientLimits } from './session/client-limits.js'
export { filterMatches } from './topic/topic.js'
export {
  type NameArguments,
  type TopicNameParams,
  type TopicParams,
  TopicPattern,
  topic,
} from './topic/topic-pattern.js'
export { checkBroker } from './util/check-broker.js'
export { networkOf } from './util/network.js'
export { shownName } from './util/shown-name.js'
