/**
 * The subpath `anax/client`: a small MQTT client with promises, over any stream.
 * Owns nothing but the list of what is public.
 */
export type * from '../../types/message/packets.js'
export { AnaxError } from '../errors.js'
export { connect } from './connect.js'
export { type ConnectionEnd, MqttConnection } from './connection.js'
export { type DialOptions, openStream } from './dial.js'
export { type Carrier, duplexPair } from './duplex-pair.js'
export type { ConnectOptions, PublishOptions, SubscribeOptions, WillInput } from './options.js'
export { type MessageHandler, ReceivedMessage } from './received-message.js'
