/**
 * The table of MQTT 5.0 properties (2.2.2.2): name, wire type, and the packets that may contain each.
 * Used by the decoder and the encoder; must know neither of them.
 */
import { PacketType } from './packet-types.js'

/** Represents the will's property list in CONNECT, which has its own rules. */
export const WILL = 0
/** A packet type, or {@link WILL}. */
export type PropertyOwner = PacketType | typeof WILL

/** Wire type of a value; `boolean` is one byte, 0 or 1, and `topicName` is a string without wildcards. */
export type PropertyKind =
  | 'boolean'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'varint'
  | 'string'
  | 'topicName'
  | 'binary'
  | 'userProperties'

export interface Property {
  readonly id: number
  /** The name that `mqtt-packet` uses. */
  readonly name: string
  readonly kind: PropertyKind
  /** Bit set of the packets in which a client may send it. */
  readonly fromClient: number
  /** Bit set of the packets in which a broker may send it. */
  readonly fromBroker: number
  readonly min: number
  readonly max: number
}

const CONNECT = 1 << PacketType.CONNECT
const CONNACK = 1 << PacketType.CONNACK
const PUBLISH = 1 << PacketType.PUBLISH
const SUBSCRIBE = 1 << PacketType.SUBSCRIBE
const DISCONNECT = 1 << PacketType.DISCONNECT
const AUTH = 1 << PacketType.AUTH
const IN_WILL = 1 << WILL
const ACKS = (1 << PacketType.PUBACK) | (1 << PacketType.PUBREC) | (1 << PacketType.PUBREL) | (1 << PacketType.PUBCOMP)
const SUB_ACKS = (1 << PacketType.SUBACK) | (1 << PacketType.UNSUBACK)
const MESSAGE = PUBLISH | IN_WILL
const ALL = 0xffff
const NONE = 0

const MAX: Record<PropertyKind, number> = {
  boolean: 1,
  uint8: 0xff,
  uint16: 0xffff,
  uint32: 0xffff_ffff,
  varint: 268_435_455,
  string: 0xffff,
  topicName: 0xffff,
  binary: 0xffff,
  userProperties: 0xffff,
}

type Row = [
  id: number,
  name: string,
  kind: PropertyKind,
  fromClient: number,
  fromBroker: number,
  range?: [number, number],
]

const ROWS: Row[] = [
  [0x01, 'payloadFormatIndicator', 'boolean', MESSAGE, PUBLISH],
  [0x02, 'messageExpiryInterval', 'uint32', MESSAGE, PUBLISH],
  [0x03, 'contentType', 'string', MESSAGE, PUBLISH],
  [0x08, 'responseTopic', 'topicName', MESSAGE, PUBLISH],
  [0x09, 'correlationData', 'binary', MESSAGE, PUBLISH],
  [0x0b, 'subscriptionIdentifier', 'varint', SUBSCRIBE, PUBLISH, [1, MAX.varint]], // [MQTT-3.3.4-6]
  [0x11, 'sessionExpiryInterval', 'uint32', CONNECT | DISCONNECT, CONNACK], // [MQTT-3.14.2-2]
  [0x12, 'assignedClientIdentifier', 'string', NONE, CONNACK],
  [0x13, 'serverKeepAlive', 'uint16', NONE, CONNACK],
  [0x15, 'authenticationMethod', 'string', CONNECT | AUTH, CONNACK | AUTH],
  [0x16, 'authenticationData', 'binary', CONNECT | AUTH, CONNACK | AUTH],
  [0x17, 'requestProblemInformation', 'boolean', CONNECT, NONE],
  [0x18, 'willDelayInterval', 'uint32', IN_WILL, NONE],
  [0x19, 'requestResponseInformation', 'boolean', CONNECT, NONE],
  [0x1a, 'responseInformation', 'string', NONE, CONNACK],
  [0x1c, 'serverReference', 'string', NONE, CONNACK | DISCONNECT],
  [0x1f, 'reasonString', 'string', ACKS | DISCONNECT | AUTH, CONNACK | ACKS | SUB_ACKS | DISCONNECT | AUTH],
  [0x21, 'receiveMaximum', 'uint16', CONNECT, CONNACK, [1, MAX.uint16]],
  [0x22, 'topicAliasMaximum', 'uint16', CONNECT, CONNACK],
  [0x23, 'topicAlias', 'uint16', PUBLISH, PUBLISH, [1, MAX.uint16]], // [MQTT-3.3.2-8]
  [0x24, 'maximumQoS', 'uint8', NONE, CONNACK, [0, 1]],
  [0x25, 'retainAvailable', 'boolean', NONE, CONNACK],
  [0x26, 'userProperties', 'userProperties', ALL, ALL],
  [0x27, 'maximumPacketSize', 'uint32', CONNECT, CONNACK, [1, MAX.uint32]],
  [0x28, 'wildcardSubscriptionAvailable', 'boolean', NONE, CONNACK],
  [0x29, 'subscriptionIdentifiersAvailable', 'boolean', NONE, CONNACK],
  [0x2a, 'sharedSubscriptionAvailable', 'boolean', NONE, CONNACK],
]

const BY_ID: (Property | undefined)[] = []
const BY_NAME = new Map<string, Property>()
for (const [id, name, kind, fromClient, fromBroker, [min, max] = [0, MAX[kind]]] of ROWS) {
  const property = Object.freeze({ id, name, kind, fromClient, fromBroker, min, max })
  BY_ID[id] = property
  BY_NAME.set(name, property)
}

export const TOPIC_ALIAS = 0x23
export const SUBSCRIPTION_IDENTIFIER = 0x0b
export const MESSAGE_EXPIRY_INTERVAL = 0x02

export function propertyById(id: number): Property | undefined {
  return BY_ID[id]
}

export function propertyByName(name: string): Property | undefined {
  return BY_NAME.get(name)
}

/** Whether the packet may contain the property, whoever sends it. */
export function isAllowedIn(property: Property, owner: PropertyOwner): boolean {
  return ((property.fromClient | property.fromBroker) & (1 << owner)) !== 0
}

/**
 * Whether a packet may contain the property several times: user properties, and a broker's subscription identifiers.
 */
export function isRepeatable(property: Property, owner: PropertyOwner): boolean {
  return property.kind === 'userProperties' || (property.id === SUBSCRIPTION_IDENTIFIER && owner === PacketType.PUBLISH)
}
