/** The packets of attackers and of the healthy pair as bytes: MQTT 3.1.1, unless stated otherwise. */
import { encode } from '../../lib/codec/encode/encoder.js'
import type { ConnectPacket, Packet } from '../../types/message/packets.js'

export function connectPacket(clientId: string, more: Partial<ConnectPacket> = {}): Buffer {
  return encode({ cmd: 'connect', clientId, clean: true, keepalive: 0, protocolVersion: 4, ...more } as Packet, 4)
}

/** The same in MQTT 5.0. */
export function connect5Packet(clientId: string, more: Partial<ConnectPacket> = {}): Buffer {
  return encode({ cmd: 'connect', clientId, clean: true, keepalive: 0, protocolVersion: 5, ...more } as Packet, 5)
}

export function subscribePacket(topics: readonly string[], qos: 0 | 1 | 2, version: 4 | 5 = 4): Buffer {
  return encode({ cmd: 'subscribe', messageId: 1, subscriptions: topics.map(topic => ({ topic, qos })) }, version)
}

export function publishPacket(
  topic: string,
  payload: Buffer,
  qos: 0 | 1 | 2 = 0,
  messageId?: number,
  retain = false,
): Buffer {
  return encode({ cmd: 'publish', topic, payload, qos, retain, dup: false, messageId } as Packet, 4)
}

/** A message with QoS 0 in MQTT 5.0. */
export function publish5Packet(topic: string, payload: Buffer): Buffer {
  return encode({ cmd: 'publish', topic, payload, qos: 0, retain: false, dup: false } as Packet, 5)
}
