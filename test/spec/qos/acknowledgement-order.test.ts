/** The broker acknowledges in the order of the packets, whatever hooks are slow. */
import assert from 'node:assert/strict'
import type { ProtocolVersion } from '../../../types/message/packets.js'
import { publishPacket } from '../../support/clients/spec-client.js'
import { spec } from '../../support/spec.js'

const ALL: readonly ProtocolVersion[] = [3, 4, 5]
const IDS = [11, 7, 9, 3]

function answersInOrder(title: string, qos: 1 | 2, cmd: 'puback' | 'pubrec'): void {
  spec(title, ALL, async ({ broker, clock, connect }) => {
    const verdicts: ((allowed: boolean) => void)[] = []
    broker.authorizePublish = () => new Promise<boolean>(resolve => verdicts.push(resolve))
    const client = await connect('client')
    client.send(...IDS.map(messageId => publishPacket({ topic: 'a', qos, messageId })))
    await clock.advance(10)
    assert.equal(verdicts.length, IDS.length)
    // the last is allowed first
    for (const verdict of verdicts.reverse()) {
      verdict(true)
      await clock.advance(10)
    }
    for (const messageId of IDS) assert.equal((await client.expect(cmd)).messageId, messageId)
  })
}

answersInOrder('[3.1.1 MQTT-4.6.0-2] PUBACKs come in the order of the QoS 1 messages', 1, 'puback')
answersInOrder('[3.1.1 MQTT-4.6.0-3] PUBRECs come in the order of the QoS 2 messages', 2, 'pubrec')

spec('[3.1.1 MQTT-4.6.0-4] PUBRELs are in the order of the PUBRECs', ALL, async ({ broker, connect }) => {
  const client = await connect('client')
  await client.subscribe({ topic: 'a', qos: 2 })
  const sent: number[] = []
  for (let i = 0; i < 4; i++) {
    await broker.publish({ topic: 'a', qos: 2 })
    sent.push((await client.expect('publish')).messageId!)
  }
  const received = [sent[2]!, sent[0]!, sent[3]!, sent[1]!]
  client.send(...received.map(messageId => ({ cmd: 'pubrec' as const, messageId })))
  for (const messageId of received) assert.equal((await client.expect('pubrel')).messageId, messageId)
})
