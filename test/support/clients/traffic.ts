/** Shared by tests with messages: send texts, receive with all handshakes, check what arrived. */
import assert from 'node:assert/strict'
import type { Packet, PublishPacket, QoS } from '../../../types/message/packets.js'
import { publishPacket, type SpecClient } from './spec-client.js'

type Received = PublishPacket & { payload: Buffer }

/** A PUBLISH with a text for a payload. */
export function textPacket(topic: string, text: string, rest: Partial<PublishPacket> = {}): PublishPacket {
  return publishPacket({ topic, payload: Buffer.from(text), ...rest })
}

/** The payloads of the PUBLISH packets among these, as text. */
export function texts(packets: readonly Packet[]): string[] {
  return packets.filter(packet => packet.cmd === 'publish').map(({ payload }) => payload.toString())
}

/** The next packet, a PUBLISH with this QoS, which is not acknowledged. */
export async function nextMessage(client: SpecClient, qos: QoS): Promise<Received & { messageId: number }> {
  const packet = await client.expect('publish')
  assert.equal(packet.qos, qos)
  return packet as Received & { messageId: number }
}

/** Answers a PUBLISH, and completes its handshake. */
export async function acknowledge(client: SpecClient, { qos, messageId }: PublishPacket): Promise<void> {
  if (qos === 1) client.send({ cmd: 'puback', messageId: messageId! })
  if (qos !== 2) return
  client.send({ cmd: 'pubrec', messageId: messageId! })
  assert.equal((await client.expect('pubrel')).messageId, messageId)
  client.send({ cmd: 'pubcomp', messageId: messageId! })
}

/**
 * Receives this many messages and answers them.
 * @returns them in the order of arrival
 */
export async function receive(client: SpecClient, count: number): Promise<Received[]> {
  const messages: Received[] = []
  const unreleased = new Set<number>()
  while (messages.length < count || unreleased.size > 0) {
    const packet = await client.next()
    if (packet.cmd === 'publish') {
      messages.push(packet as Received)
      if (packet.qos === 1) client.send({ cmd: 'puback', messageId: packet.messageId! })
      if (packet.qos === 2) {
        unreleased.add(packet.messageId!)
        client.send({ cmd: 'pubrec', messageId: packet.messageId! })
      }
    } else {
      assert.equal(packet.cmd, 'pubrel', `unexpected: ${JSON.stringify(packet)}`)
      assert(unreleased.delete((packet as { messageId: number }).messageId))
      client.send({ cmd: 'pubcomp', messageId: (packet as { messageId: number }).messageId })
    }
  }
  return messages
}

/** Publishes texts with packet ids from 1 on, without waiting. */
export function publishAll(client: SpecClient, topic: string, qos: QoS, ...payloads: string[]): void {
  client.send(
    ...payloads.map((text, index) => textPacket(topic, text, { qos, messageId: qos > 0 ? index + 1 : undefined })),
  )
}
