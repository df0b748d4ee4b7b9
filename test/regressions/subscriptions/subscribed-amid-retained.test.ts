/**
 * A client that subscribes again while it gets retained messages, as programs do when they start: Home Assistant, a
 * dashboard. It got no message and no answer any more.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBroker } from '../../../lib/index.js'
import { createServer } from '../../../lib/server/server.js'
import { connectClient } from '../../support/clients/mqtt.js'

/** More than the broker holds back after a SUBACK. */
const MESSAGES = 300
const PAYLOAD = 'x'.repeat(1500)

for (const protocolVersion of [4, 5] as const) {
  for (const transport of ['tcp', 'ws'] as const) {
    test(`MQTT.js, version ${protocolVersion}, ${transport}: all messages of all subscriptions arrive`, async () => {
      await using broker = await createBroker()
      await using server = await createServer(broker, { transport, port: 0 })
      for (let i = 0; i < MESSAGES; i++) {
        await broker.publish({ topic: `discovery/${i}/config`, payload: PAYLOAD, retain: true })
      }
      const client = await connectClient(server.addresses[0]!.url, { protocolVersion })
      const topics = new Set<string>()
      const all = new Promise<void>(resolve => {
        client.on('message', topic => {
          if (topics.add(topic).size === MESSAGES + 1) resolve()
        })
      })
      await client.subscribeAsync('discovery/+/config')
      await client.subscribeAsync('state/#')
      await client.publishAsync('state/program', 'online', { qos: 1 })
      await all
      await client.endAsync()
      assert.equal(topics.size, MESSAGES + 1)
    })
  }
}
