/** Packets have the shapes of mqtt-packet: packets of one can be passed to the other. */
import type * as MqttPacket from 'mqtt-packet'
import type {
  AuthPacket,
  ConnackPacket,
  ConnectPacket,
  DisconnectPacket,
  Message,
  Packet,
  PingreqPacket,
  PubackPacket,
  PublishPacket,
  SubackPacket,
  SubscribePacket,
  UnsubackPacket,
  UnsubscribePacket,
} from '../../lib/index.js'
import { expectType } from './expect.js'

declare const ours: {
  connect: ConnectPacket
  connack: ConnackPacket
  puback: PubackPacket
  subscribe: SubscribePacket
  suback: SubackPacket
  unsubscribe: UnsubscribePacket
  unsuback: UnsubackPacket
  pingreq: PingreqPacket
  disconnect: DisconnectPacket
  auth: AuthPacket
  publish: PublishPacket
  message: Message
  any: Packet
}
declare const theirs: { publish: MqttPacket.IPublishPacket; auth: MqttPacket.IAuthPacket }

// Ours are theirs.
expectType<MqttPacket.IConnectPacket>(ours.connect)
expectType<MqttPacket.IConnackPacket>(ours.connack)
expectType<MqttPacket.IPubackPacket>(ours.puback)
expectType<MqttPacket.ISubscribePacket>(ours.subscribe)
expectType<MqttPacket.ISubackPacket>(ours.suback)
expectType<MqttPacket.IUnsubscribePacket>(ours.unsubscribe)
expectType<MqttPacket.IUnsubackPacket>(ours.unsuback)
expectType<MqttPacket.IPingreqPacket>(ours.pingreq)
expectType<MqttPacket.IDisconnectPacket>(ours.disconnect)
expectType<MqttPacket.IAuthPacket>(ours.auth)

// Theirs are ours, where theirs are strict enough.
expectType<PublishPacket>(theirs.publish)
expectType<AuthPacket>(theirs.auth)

// A message is a publish packet.
expectType<PublishPacket>(ours.message)

// The command tells the packet.
if (ours.any.cmd === 'subscribe') expectType<SubscribePacket>(ours.any)
if (ours.any.cmd === 'publish') expectType<PublishPacket>(ours.any)

// @ts-expect-error there is no QoS 3
expectType<PublishPacket>({ cmd: 'publish', topic: 'a', payload: '', qos: 3, dup: false, retain: false })
// @ts-expect-error a topic is missing
expectType<PublishPacket>({ cmd: 'publish', payload: '', qos: 0, dup: false, retain: false })
// @ts-expect-error retain handling goes to 2
expectType<SubscribePacket>({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 0, rh: 3 }] })
