/**
 * A client that does not wait for CONNACK: everything that it sent after CONNECT is answered, even more than the broker
 * handles at once.
 */

import { connectPacket, publishPacket } from '../../support/clients/spec-client.js'
import { spec } from '../../support/spec.js'

const COUNT = 300

spec(
  'messages after CONNECT are all acknowledged, even if they exceed what is handled at once',
  [3, 4],
  async tools => {
    const { broker, dial, version } = tools
    // each takes a while, so that not all are done at once
    broker.authorizePublish = () => new Promise<boolean>(resolve => setImmediate(() => resolve(true)))
    const client = dial()
    const messages = Array.from({ length: COUNT }, (_, i) => publishPacket({ topic: 'a', qos: 1, messageId: i + 1 }))
    client.send(connectPacket(version), ...messages)
    await client.expect('connack')
    for (let i = 0; i < COUNT; i++) await client.expect('puback')
  },
)
