/**
 * The fifteen MQTT control packets as plain objects, in the shapes of `mqtt-packet`.
 * Contracts only: nothing here runs, and nothing here knows a broker.
 */

/** Quality of Service: at most once, at least once, exactly once. */
export type QoS = 0 | 1 | 2

/** Protocol level of CONNECT: 3 is MQTT 3.1, 4 is MQTT 3.1.1, 5 is MQTT 5.0. */
export type ProtocolVersion = 3 | 4 | 5

/** User properties; a name that occurs several times has an array of its values, in order. */
export type UserProperties = { [name: string]: string | string[] }

/** Properties of a published message. */
export interface PublishProperties {
  payloadFormatIndicator?: boolean
  /** Seconds. */
  messageExpiryInterval?: number
  /** Only on the wire: the broker resolves it before any hook sees the packet. */
  topicAlias?: number
  responseTopic?: string
  correlationData?: Buffer
  userProperties?: UserProperties
  subscriptionIdentifier?: number | number[]
  contentType?: string
}

/** Properties of a will: those of its message, and the delay. */
export interface WillProperties {
  /** Seconds between the end of the connection and the publication. */
  willDelayInterval?: number
  payloadFormatIndicator?: boolean
  /** Seconds. */
  messageExpiryInterval?: number
  contentType?: string
  responseTopic?: string
  correlationData?: Buffer
  userProperties?: UserProperties
}

/** The message a client leaves behind for the case that its connection breaks. */
export interface Will {
  topic: string
  payload: Buffer
  qos: QoS
  retain: boolean
  properties?: WillProperties
}

/** Properties of CONNECT. */
export interface ConnectProperties {
  /** Seconds; 0xFFFFFFFF never expires. */
  sessionExpiryInterval?: number
  receiveMaximum?: number
  maximumPacketSize?: number
  topicAliasMaximum?: number
  requestResponseInformation?: boolean
  requestProblemInformation?: boolean
  userProperties?: UserProperties
  authenticationMethod?: string
  authenticationData?: Buffer
}

/** A client introduces itself. */
export interface ConnectPacket {
  cmd: 'connect'
  clientId: string
  protocolId: 'MQTT' | 'MQIsdp'
  protocolVersion: ProtocolVersion
  /** Clean session (3.1, 3.1.1) or clean start (5.0). */
  clean: boolean
  /** Seconds; 0 turns the keep-alive check off. */
  keepalive: number
  /** Set if the client is a bridge: the high bit of the protocol level (3.1, 3.1.1). */
  bridgeMode?: boolean
  username?: string
  password?: Buffer
  will?: Will
  properties?: ConnectProperties
}

/** Properties of CONNACK: features and limits of the broker. */
export interface ConnackProperties {
  sessionExpiryInterval?: number
  receiveMaximum?: number
  maximumQoS?: 0 | 1
  retainAvailable?: boolean
  maximumPacketSize?: number
  assignedClientIdentifier?: string
  topicAliasMaximum?: number
  reasonString?: string
  userProperties?: UserProperties
  wildcardSubscriptionAvailable?: boolean
  subscriptionIdentifiersAvailable?: boolean
  sharedSubscriptionAvailable?: boolean
  serverKeepAlive?: number
  responseInformation?: string
  serverReference?: string
  authenticationMethod?: string
  authenticationData?: Buffer
}

/** The answer to CONNECT. */
export interface ConnackPacket {
  cmd: 'connack'
  sessionPresent: boolean
  /** MQTT 3.1 and 3.1.1. */
  returnCode?: number
  /** MQTT 5.0. */
  reasonCode?: number
  properties?: ConnackProperties
}

/** A message on the wire. */
export interface PublishPacket {
  cmd: 'publish'
  topic: string
  payload: string | Buffer
  qos: QoS
  dup: boolean
  retain: boolean
  messageId?: number | undefined
  properties?: PublishProperties | undefined
}

/** Properties that every acknowledgement may carry. */
export interface ReasonProperties {
  reasonString?: string
  userProperties?: UserProperties
}

interface Acknowledgement {
  messageId: number
  /** Absent means 0x00, success. */
  reasonCode?: number
  properties?: ReasonProperties
}

/** A QoS 1 message was received. */
export interface PubackPacket extends Acknowledgement {
  cmd: 'puback'
}
/** A QoS 2 message was received (first answer). */
export interface PubrecPacket extends Acknowledgement {
  cmd: 'pubrec'
}
/** The sender of a QoS 2 message releases its packet id (second step). */
export interface PubrelPacket extends Acknowledgement {
  cmd: 'pubrel'
}
/** The packet id of a QoS 2 message is free again (last answer). */
export interface PubcompPacket extends Acknowledgement {
  cmd: 'pubcomp'
}

/** One topic filter of a SUBSCRIBE with its options. */
export interface Subscription {
  topic: string
  qos: QoS
  /** No Local (5.0). */
  nl?: boolean
  /** Retain As Published (5.0). */
  rap?: boolean
  /** Retain Handling (5.0): 0 send retained messages, 1 only to a new subscription, 2 never. */
  rh?: 0 | 1 | 2
}

/** A client asks for messages. */
export interface SubscribePacket {
  cmd: 'subscribe'
  messageId: number
  subscriptions: Subscription[]
  properties?: { subscriptionIdentifier?: number; userProperties?: UserProperties }
}

/** The answer to SUBSCRIBE. */
export interface SubackPacket {
  cmd: 'suback'
  messageId: number
  /** A return code (3.1, 3.1.1) or reason code (5.0) per filter. */
  granted: number[]
  properties?: ReasonProperties
}

/** A client wants no more messages of some filters. */
export interface UnsubscribePacket {
  cmd: 'unsubscribe'
  messageId: number
  unsubscriptions: string[]
  properties?: { userProperties?: UserProperties }
}

/** The answer to UNSUBSCRIBE. */
export interface UnsubackPacket {
  cmd: 'unsuback'
  messageId: number
  /** A reason code per filter (5.0); empty in 3.1 and 3.1.1. */
  granted: number[]
  properties?: ReasonProperties
}

/** A client shows that it is alive. */
export interface PingreqPacket {
  cmd: 'pingreq'
}
/** The answer to PINGREQ. */
export interface PingrespPacket {
  cmd: 'pingresp'
}

/** Properties of DISCONNECT (5.0). */
export interface DisconnectProperties {
  sessionExpiryInterval?: number
  reasonString?: string
  userProperties?: UserProperties
  serverReference?: string
}

/** The last packet of a connection; from the broker in 5.0 only. */
export interface DisconnectPacket {
  cmd: 'disconnect'
  /** Absent means 0x00, normal disconnection. */
  reasonCode?: number
  properties?: DisconnectProperties
}

/** Properties of AUTH. */
export interface AuthProperties {
  authenticationMethod?: string
  authenticationData?: Buffer
  reasonString?: string
  userProperties?: UserProperties
}

/** A step of an enhanced authentication (5.0). */
export interface AuthPacket {
  cmd: 'auth'
  reasonCode: number
  properties?: AuthProperties
}

/** Any control packet. */
export type Packet =
  | ConnectPacket
  | ConnackPacket
  | PublishPacket
  | PubackPacket
  | PubrecPacket
  | PubrelPacket
  | PubcompPacket
  | SubscribePacket
  | SubackPacket
  | UnsubscribePacket
  | UnsubackPacket
  | PingreqPacket
  | PingrespPacket
  | DisconnectPacket
  | AuthPacket
