/**
 * The subpath `anax/codec`: MQTT 3.1, 3.1.1 and 5.0 as bytes and as packets.
 * Owns nothing but the list of what is public.
 */
export type * from '../../types/message/packets.js'
export { AnaxError } from '../errors.js'
export { ReasonCode } from '../reason-codes.js'
export { type DecodedPacket, Decoder, type DecoderOptions } from './decode/decoder.js'
export { encode, frames, publishFrame } from './encode/encoder.js'
export type { PublishContent, PublishFrameOptions } from './encode/publish.js'
export type { PacketType } from './packet-types.js'
export { PublishMessage } from './publish-message.js'
export { Frame } from './wire/frame.js'
