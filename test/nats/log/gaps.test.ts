/**
 * A server counts messages as delivered that it has sent to a connection that broke: a node requests them again, even
 * if no other message follows.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { natsCluster } from '../../../lib/nats/index.js'
import type { ClusterEvents, ClusterNode } from '../../../types/cluster.js'
import type { Message } from '../../../types/message/message.js'
import { until } from '../../cluster/support/nodes.js'
import { effort } from '../../support/effort.js'
import { Cable, IGNORED, NatsServers, NO_NATS, natsServer } from '../../support/programs/nats.js'

const skip = natsServer === undefined ? NO_NATS : effort === 'fast' && 'real servers are for npm test'

test('messages sent to a connection that broke are read again, in order', { skip }, async () => {
  const servers = await NatsServers.start(1)
  const cable = await Cable.to(servers.ports[0]!)
  const nodes: ClusterNode[] = []
  const join = async (url: string, node: string, message: ClusterEvents['message']) => {
    const connection = { ignoreClusterUpdates: true, reconnectTimeWait: 20 }
    const cluster = natsCluster({ servers: url, replicas: 1, shards: 1, connection })
    const joined = await cluster.join({ node, leaseMs: 15_000, events: { ...IGNORED, message } })
    nodes.push(joined)
    return joined
  }
  try {
    const got: string[] = []
    const reader = await join(cable.url, 'reader', ({ message }) => {
      got.push(message.payload.toString())
    })
    const writer = await join(servers.urls[0]!, 'writer', () => {})
    await reader.want('a')
    const publish = (text: string) => writer.write(undefined, { message: messageOf(text) })
    await publish('1')
    await until(() => got.length === 1, 'message 1')

    cable.swallow()
    await publish('2')
    await publish('3')
    await isSent(servers.urls[0]!, 3)
    cable.cut()
    cable.heal()
    await until(() => got.length === 3, 'message 3')
    assert.deepEqual(got, ['1', '2', '3'])

    cable.swallow()
    await publish('4')
    await isSent(servers.urls[0]!, 1)
    cable.cut()
    cable.heal()
    await publish('5')
    await until(() => got.length === 5, 'message 5')
    assert.deepEqual(got, ['1', '2', '3', '4', '5'])
  } finally {
    await Promise.all(nodes.map(node => node.leave()))
    cable.close()
    await servers.stop()
  }
})

test('a node that leaves does not wait for filters that it still wants', { skip }, async () => {
  const servers = await NatsServers.start(1)
  const cable = await Cable.to(servers.ports[0]!)
  try {
    const cluster = natsCluster({
      servers: cable.url,
      replicas: 1,
      shards: 1,
      connection: { ignoreClusterUpdates: true },
    })
    const node = await cluster.join({ node: 'one', leaseMs: 1000, events: IGNORED })
    cable.swallow()
    const wanted = node.want('a')
    await node.leave()
    await assert.rejects(wanted, { code: 'ANAX_ERR_CLUSTER' })
  } finally {
    cable.close()
    await servers.stop()
  }
})

function messageOf(text: string): Message {
  const fixed = { cmd: 'publish', topic: 'a', qos: 1, retain: false, dup: false, clientId: 'publisher' } as const
  return { ...fixed, payload: Buffer.from(text), brokerId: '', brokerCounter: 0 } as Message
}

/** Resolves when the server has sent `count` messages to the newest consumer of the log. */
async function isSent(url: string, count: number): Promise<void> {
  const nc = await connect({ servers: url })
  const manager = await jetstreamManager(nc)
  try {
    for (;;) {
      for await (const stream of manager.streams.list()) {
        for await (const { config, delivered } of manager.consumers.list(stream.config.name)) {
          const isOfLog = config.filter_subjects?.some(subject => subject.includes('.log.'))
          if (isOfLog && delivered.consumer_seq >= count) return
        }
      }
    }
  } finally {
    await nc.close()
  }
}
