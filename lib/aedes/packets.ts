/**
 * Converts packets to the form in which hooks and events of Aedes have them: that of `mqtt-packet`, which omits fields
 * that a protocol version does not have. Pure.
 */
import type { Message } from '../../types/message/message.js'
import type { ConnectPacket, PingreqPacket, PublishPacket, Subscription } from '../../types/message/packets.js'
import { encode } from '../codec/index.js'

/** Bytes of a PUBLISH in addition to topic and payload: the length of the topic, and the packet id. */
const TOPIC_LENGTH = 2
const PACKET_ID = 2

/** The fields of a PUBLISH that a hook may change. */
const CHANGEABLE = ['topic', 'payload', 'qos', 'retain', 'properties'] as const

/** A PUBLISH as the parser of `mqtt-packet` returns it, including its length. */
export function parsedPublish(packet: PublishPacket): PublishPacket {
  const { topic, payload, qos, retain, dup, messageId, properties } = packet
  const length = TOPIC_LENGTH + Buffer.byteLength(topic) + (qos > 0 ? PACKET_ID : 0) + payload.length
  const parsed = { cmd: 'publish', topic, payload, qos, retain, dup, length } as PublishPacket
  if (messageId !== undefined) parsed.messageId = messageId
  if (properties !== undefined) parsed.properties = properties
  const { clientId } = packet as { clientId?: string }
  if (clientId !== undefined) Object.defineProperty(parsed, 'clientId', { value: clientId, configurable: true })
  return parsed
}

/** The fields that the parser sets in each packet except PUBLISH. */
const EMPTY = { retain: false, qos: 0, dup: false, length: 0, topic: null, payload: null } as const

/** A CONNECT as the parser of `mqtt-packet` returns it, including its length. */
export function parsedConnect({ cmd, ...fields }: ConnectPacket): ConnectPacket {
  const packet = { cmd, ...EMPTY, ...fields }
  packet.length = remainingLength(encode({ cmd, ...fields }, fields.protocolVersion)) as never
  return packet
}

/** Applies a hook's changes of such a copy to the packet. */
export function takeConnectChanges(packet: ConnectPacket, changed: ConnectPacket): void {
  const { retain, qos, dup, length, topic, payload, ...fields } = changed as ConnectPacket & typeof EMPTY
  Object.assign(packet, fields)
}

/** Bytes of a packet without its header, which is the first byte and a length of up to four bytes. */
function remainingLength(bytes: Buffer): number {
  let header = 1
  while ((bytes[header]! & 0x80) !== 0) header++
  return bytes.length - header - 1
}

/** A PINGREQ as the parser of `mqtt-packet` returns it. */
export function parsedPing({ cmd }: PingreqPacket): PingreqPacket {
  return { cmd, ...EMPTY } as PingreqPacket
}

/** Applies a hook's changes of such a copy to the packet. */
export function takeChanges(packet: PublishPacket, changed: PublishPacket): void {
  const target = packet as unknown as Record<string, unknown>
  for (const name of CHANGEABLE) if (target[name] !== changed[name]) target[name] = changed[name]
}

/** A message in the form of `aedes-packet`: fields without a value are absent. */
export function busPacket<M extends Partial<Message>>(message: M): M {
  const { cmd, brokerId, brokerCounter, topic, payload, qos, retain, dup, messageId } = message
  const packet: Record<string, unknown> = { cmd, brokerId, brokerCounter, topic, payload, qos, retain, dup }
  if (qos !== undefined && qos > 0) packet.messageId = messageId
  for (const name of ['clientId', 'properties', 'messageExpiry'] as const) {
    if (message[name] !== undefined) packet[name] = message[name]
  }
  return packet as M
}

/** A message in the form in which Aedes stores it: without its publisher. */
export function storedPacket(message: Message): Message {
  const { clientId: _, ...packet } = busPacket(message)
  return packet as Message
}

/** The same for `authorizeForward`: the packet id is assigned later. */
export function forwardedPacket(message: Message): Message {
  return { ...busPacket(message), messageId: undefined }
}

/** A subscription without options that have their default value, which all options have before MQTT 5.0. */
export function parsedSubscription<S extends Omit<Subscription, 'qos'> & { qos: number }>(subscription: S): S {
  const { nl, rap, rh, ...parsed } = subscription
  const options = { ...(nl && { nl }), ...(rap && { rap }), ...(rh && { rh }) }
  return { ...parsed, ...options } as unknown as S
}
