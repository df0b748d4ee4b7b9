/**
 * Packets as the hooks and events of Aedes show them: in the shapes of `mqtt-packet`, which leaves out what a version of
 * the protocol does not have. Pure.
 */
import type { Message } from '../../types/message.js'
import type { ConnectPacket, PingreqPacket, PublishPacket, Subscription } from '../../types/packets.js'
import { encode } from '../codec/index.js'

/** Bytes of a PUBLISH beside topic and payload: the length of the topic, and the packet id. */
const TOPIC_LENGTH = 2
const PACKET_ID = 2

/** The fields of a PUBLISH that a hook may change. */
const CHANGEABLE = ['topic', 'payload', 'qos', 'retain', 'properties'] as const

/** A PUBLISH as the parser of `mqtt-packet` gives it, its length included. */
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

/** The fields that the parser sets in each packet but PUBLISH. */
const EMPTY = { retain: false, qos: 0, dup: false, length: 0, topic: null, payload: null } as const

/** CONNECT as the parser of `mqtt-packet` gives it, its length included. */
export function parsedConnect({ cmd, ...fields }: ConnectPacket): ConnectPacket {
  const packet = { cmd, ...EMPTY, ...fields }
  packet.length = remainingLength(encode({ cmd, ...fields }, fields.protocolVersion)) as never
  return packet
}

/** Takes over what a hook has changed of such a copy. */
export function takeConnectChanges(packet: ConnectPacket, changed: ConnectPacket): void {
  const { retain, qos, dup, length, topic, payload, ...fields } = changed as ConnectPacket & typeof EMPTY
  Object.assign(packet, fields)
}

/** Bytes of a packet without its header: the first byte, and the length in up to four, of which all but the last go on. */
function remainingLength(bytes: Buffer): number {
  let header = 1
  while ((bytes[header]! & 0x80) !== 0) header++
  return bytes.length - header - 1
}

/** PINGREQ as the parser of `mqtt-packet` gives it. */
export function parsedPing({ cmd }: PingreqPacket): PingreqPacket {
  return { cmd, ...EMPTY } as PingreqPacket
}

/** Takes over what a hook has changed of such a copy. */
export function takeChanges(packet: PublishPacket, changed: PublishPacket): void {
  const target = packet as unknown as Record<string, unknown>
  for (const name of CHANGEABLE) if (target[name] !== changed[name]) target[name] = changed[name]
}

/** A message as `aedes-packet` has it: fields without a value are not there. */
export function busPacket<M extends Partial<Message>>(message: M): M {
  const { cmd, brokerId, brokerCounter, topic, payload, qos, retain, dup, messageId } = message
  const packet: Record<string, unknown> = { cmd, brokerId, brokerCounter, topic, payload, qos, retain, dup }
  if (qos !== undefined && qos > 0) packet.messageId = messageId
  for (const name of ['clientId', 'properties', 'messageExpiry'] as const) {
    if (message[name] !== undefined) packet[name] = message[name]
  }
  return packet as M
}

/** A message as Aedes stores it: without its publisher. */
export function storedPacket(message: Message): Message {
  const { clientId: _, ...packet } = busPacket(message)
  return packet as Message
}

/** The same as `authorizeForward` gets it: the packet id is given later. */
export function forwardedPacket(message: Message): Message {
  return { ...busPacket(message), messageId: undefined }
}

/** A subscription without the options that have their default value, as those of MQTT 3.1.1 all are. */
export function parsedSubscription<S extends Omit<Subscription, 'qos'> & { qos: number }>(subscription: S): S {
  const { nl, rap, rh, ...parsed } = subscription
  const options = { ...(nl && { nl }), ...(rap && { rap }), ...(rh && { rh }) }
  return { ...parsed, ...options } as unknown as S
}
