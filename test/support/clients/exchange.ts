/**
 * Shared by the tests of subscriptions: subscribe with properties, publish and wait for routing, receive and
 * acknowledge.
 */
import assert from 'node:assert/strict'
import { encode } from '../../../lib/codec/encode/encoder.js'
import type {
  Packet,
  ProtocolVersion,
  PublishPacket,
  SubackPacket,
  SubscribePacket,
  Subscription,
} from '../../../types/message/packets.js'
import { publishPacket, type SpecClient } from './spec-client.js'

/** Subscribes with properties, which only 5.0 has. */
export async function subscribeWith(
  client: SpecClient,
  properties: NonNullable<SubscribePacket['properties']>,
  ...subscriptions: Subscription[]
): Promise<SubackPacket> {
  client.send({ cmd: 'subscribe', messageId: 1, subscriptions, properties })
  return client.expect('suback')
}

/** Ends subscriptions. @returns the codes of UNSUBACK */
export async function unsubscribe(client: SpecClient, ...unsubscriptions: string[]): Promise<number[]> {
  client.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions })
  return (await client.expect('unsuback')).granted
}

/** Publishes text, and waits until the broker has routed it. @returns the reason code of the acknowledgement */
export async function publishText(
  client: SpecClient,
  topic: string,
  text: string,
  packet: Partial<PublishPacket> = {},
): Promise<number> {
  const reasonCode = await client.publish({ topic, payload: Buffer.from(text), ...packet })
  if ((packet.qos ?? 0) === 0) await client.expectNothing()
  return reasonCode
}

/** Receives messages and completes all handshakes, also of messages it sent, until nothing more arrives. */
export async function receiveAll(client: SpecClient): Promise<PublishPacket[]> {
  const received: PublishPacket[] = []
  for (;;) {
    const packets = await client.settle()
    if (packets.length === 0) return received
    for (const packet of packets) {
      if (packet.cmd === 'publish') received.push(packet)
      answer(client, packet)
    }
  }
}

function answer(client: SpecClient, packet: Packet): void {
  switch (packet.cmd) {
    case 'publish':
      acknowledge(client, packet)
      break
    case 'pubrec':
      client.send({ cmd: 'pubrel', messageId: packet.messageId })
      break
    case 'pubrel':
      client.send({ cmd: 'pubcomp', messageId: packet.messageId })
      break
    case 'puback':
    case 'pubcomp':
      break
    default:
      assert.fail(`expected messages, got ${JSON.stringify(packet)}`)
  }
}

/** The same, as text. */
export async function receiveTexts(client: SpecClient): Promise<string[]> {
  return (await receiveAll(client)).map(textOf)
}

export function textOf({ payload }: PublishPacket): string {
  return payload.toString()
}

/** The subscription identifiers of a message, sorted, because their order does not matter. */
export function identifiersOf({ properties }: PublishPacket): number[] {
  const identifiers = properties?.subscriptionIdentifier ?? []
  return (typeof identifiers === 'number' ? [identifiers] : [...identifiers]).sort((a, b) => a - b)
}

/** Answers a PUBLISH with the first packet of its handshake. */
export function acknowledge(client: SpecClient, { qos, messageId }: PublishPacket, reasonCode = 0): void {
  if (qos === 1) client.send({ cmd: 'puback', messageId: messageId!, reasonCode })
  if (qos === 2) client.send({ cmd: 'pubrec', messageId: messageId!, reasonCode })
}

/** A PUBLISH of some text, to send without waiting. */
export function textPacket(topic: string, text: string, packet: Partial<PublishPacket> = {}): PublishPacket {
  return publishPacket({ topic, payload: Buffer.from(text), ...packet })
}

/** Sends a packet in whose text each `~` becomes U+0000, which no encoder writes. */
export function sendWithNul(client: SpecClient, packet: Packet): void {
  client.sendBytes(encode(packet, client.version).toString('latin1').replaceAll('~', '\0').split('').map(hex).join(''))
}

function hex(character: string): string {
  return character.charCodeAt(0).toString(16).padStart(2, '0')
}

/** The code of SUBACK for a filter that exceeds a limit: 3.1.1 has one failure code only. */
export function quotaRefusal(version: ProtocolVersion): number {
  return version === 5 ? 0x97 : 0x80
}
