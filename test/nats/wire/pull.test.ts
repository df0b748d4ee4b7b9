/** Records that are replaced while a consumer begins to follow them are told at once. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type JetStreamClient, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect, headers } from '@nats-io/transport-node'
import { followLatest } from '../../../lib/nats/wire/pull.js'
import { Wire } from '../../../lib/nats/wire/wire.js'
import { effort } from '../../support/effort.js'
import { NatsServers, NO_NATS, natsServer } from '../../support/programs/nats.js'

const COUNT = 10
const skip = natsServer === undefined ? NO_NATS : effort === 'fast' && 'real servers are for npm test'

test('a record that is replaced before it was delivered delays no other', { skip }, async () => {
  const servers = await NatsServers.start(1)
  const nc = await connect({ servers: servers.urls })
  try {
    const manager = await jetstreamManager(nc, { checkAPI: false })
    await manager.streams.add({ name: 's', subjects: ['s.>'], allow_rollup_hdrs: true })
    const wire = new Wire(nc, { headers, createInbox: () => '_INBOX.test', api: '$JS.API' })
    const write = async (text: string) => {
      for (let i = 0; i < COUNT; i++) {
        await wire.write({ subject: `s.${i}`, body: Buffer.from(text), ttl: undefined, replaces: true }, {}, 5000)
      }
    }
    await write('old')
    const { consumers } = jetstream(nc)
    const get = async (stream: string, consumer: string) => {
      // the consumer is there, and nothing was asked of it
      await write('new')
      return await consumers.get(stream, consumer)
    }
    const client = { consumers: { get } } as unknown as JetStreamClient
    const { messages } = await followLatest({ manager, client, stream: 's' }, 'c', ['s.>'])
    const texts: string[] = []
    const read = async () => {
      for await (const message of messages) if (texts.push(message.string()) === COUNT) return
    }
    const untilNextPull = async () => {
      for await (const { type } of messages.status()) if (type === 'debug') return
    }
    await Promise.race([read(), untilNextPull()])
    assert.deepEqual(texts, Array(COUNT).fill('new'))
  } finally {
    await nc.close()
    await servers.stop()
  }
})
