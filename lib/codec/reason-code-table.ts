/**
 * The reason codes that each packet may contain, and who may send them.
 * Owns the table; must not know the effect of a code.
 */
import { ReasonCode as R } from '../reason-codes.js'
import { PacketType, Sender } from './packet-types.js'

/** The error codes that PUBACK, PUBREC, SUBACK and UNSUBACK share. */
const REFUSED = [R.UnspecifiedError, R.ImplementationSpecificError, R.NotAuthorized, R.PacketIdentifierInUse]

const PUBLISH_ANSWER = [
  ...[R.Success, R.NoMatchingSubscribers, ...REFUSED],
  ...[R.TopicNameInvalid, R.QuotaExceeded, R.PayloadFormatInvalid],
]
const RELEASE_ANSWER = [R.Success, R.PacketIdentifierNotFound]

const CONNACK = [
  ...[R.Success, R.UnspecifiedError, R.MalformedPacket, R.ProtocolError, R.ImplementationSpecificError],
  ...[R.UnsupportedProtocolVersion, R.ClientIdentifierNotValid, R.BadUserNameOrPassword, R.NotAuthorized],
  ...[R.ServerUnavailable, R.ServerBusy, R.Banned, R.BadAuthenticationMethod, R.TopicNameInvalid, R.PacketTooLarge],
  ...[R.QuotaExceeded, R.PayloadFormatInvalid, R.RetainNotSupported, R.QoSNotSupported, R.UseAnotherServer],
  ...[R.ServerMoved, R.ConnectionRateExceeded],
]
const SUBACK = [
  ...[R.GrantedQoS0, R.GrantedQoS1, R.GrantedQoS2, ...REFUSED, R.TopicFilterInvalid, R.QuotaExceeded],
  ...[R.SharedSubscriptionsNotSupported, R.SubscriptionIdentifiersNotSupported, R.WildcardSubscriptionsNotSupported],
]
const UNSUBACK = [R.Success, R.NoSubscriptionExisted, ...REFUSED, R.TopicFilterInvalid]

const DISCONNECT_BOTH = [
  ...[R.NormalDisconnection, R.UnspecifiedError, R.MalformedPacket, R.ProtocolError, R.ImplementationSpecificError],
  ...[R.TopicNameInvalid, R.ReceiveMaximumExceeded, R.TopicAliasInvalid, R.PacketTooLarge, R.MessageRateTooHigh],
  ...[R.QuotaExceeded, R.AdministrativeAction, R.PayloadFormatInvalid],
]
const DISCONNECT_BROKER = [
  ...[R.NotAuthorized, R.ServerBusy, R.ServerShuttingDown, R.KeepAliveTimeout, R.SessionTakenOver],
  // The overall table of reason codes lists it for DISCONNECT, the table of DISCONNECT does not
  R.BadAuthenticationMethod,
  ...[R.TopicFilterInvalid, R.RetainNotSupported, R.QoSNotSupported, R.UseAnotherServer, R.ServerMoved],
  ...[R.SharedSubscriptionsNotSupported, R.ConnectionRateExceeded, R.MaximumConnectTime],
  ...[R.SubscriptionIdentifiersNotSupported, R.WildcardSubscriptionsNotSupported],
]

/** (packet type, reason code) -> bits of the senders that may use it. */
const TABLE = new Uint8Array(16 * 256)

function allow(type: PacketType, senders: number, codes: readonly number[]): void {
  for (const code of codes) TABLE[(type << 8) | code]! |= senders
}

const BOTH = Sender.client | Sender.broker
allow(PacketType.CONNACK, Sender.broker, CONNACK)
allow(PacketType.PUBACK, BOTH, PUBLISH_ANSWER)
allow(PacketType.PUBREC, BOTH, PUBLISH_ANSWER)
allow(PacketType.PUBREL, BOTH, RELEASE_ANSWER)
allow(PacketType.PUBCOMP, BOTH, RELEASE_ANSWER)
allow(PacketType.SUBACK, Sender.broker, SUBACK)
allow(PacketType.UNSUBACK, Sender.broker, UNSUBACK)
allow(PacketType.DISCONNECT, BOTH, DISCONNECT_BOTH)
allow(PacketType.DISCONNECT, Sender.client, [R.DisconnectWithWill])
allow(PacketType.DISCONNECT, Sender.broker, DISCONNECT_BROKER)
allow(PacketType.AUTH, BOTH, [R.ContinueAuthentication])
allow(PacketType.AUTH, Sender.client, [R.ReAuthenticate])
allow(PacketType.AUTH, Sender.broker, [R.Success])

const TYPES = {
  connack: PacketType.CONNACK,
  puback: PacketType.PUBACK,
  suback: PacketType.SUBACK,
  unsuback: PacketType.UNSUBACK,
  disconnect: PacketType.DISCONNECT,
} as const

/** Returns the code if a broker may send it in this packet; otherwise 0x80, which is always allowed. */
export function brokerReasonCode(cmd: keyof typeof TYPES, code: number): number {
  return isReasonCode(TYPES[cmd], code, Sender.broker) ? code : R.UnspecifiedError
}

/** Whether one of `senders` (bits) may send the reason code in the packet. */
export function isReasonCode(type: PacketType, code: number, senders: number): boolean {
  return code >= 0 && code <= 255 && (TABLE[(type << 8) | code]! & senders) !== 0
}
