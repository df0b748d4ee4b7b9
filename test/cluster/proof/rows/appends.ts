/** Row 9: a message is written once for any number of disconnected sessions; a node without subscribers gets nothing. */
import assert from 'node:assert/strict'
import { natsCluster } from '../../../../lib/nats/index.js'
import { NatsServers } from '../../../support/programs/nats.js'
import { TestNode } from '../../support/nodes.js'
import { bulkSessions } from '../world/bulk-sessions.js'
import { numbers, publishAll } from '../world/world.js'

const MESSAGES = 500

/** @returns by the number of sessions, the writes for each message */
export async function appends(most: number): Promise<unknown> {
  const servers = await NatsServers.start(3)
  const nodes: TestNode[] = []
  try {
    const cluster = natsCluster({ servers: servers.urls })
    for (const id of ['one', 'other']) nodes.push(await TestNode.start(cluster, { id }))
    const [one, other] = nodes as [TestNode, TestNode]
    const results: Record<number, number> = {}
    let sessions = 0
    for (const count of [1, 100, most]) {
      await bulkSessions(one.broker, count - sessions, 'append/#', sessions)
      sessions = count
      const publisher = await one.connect('append-publisher')
      // the publisher's own claim, and what sessions still write
      await new Promise(resolve => setTimeout(resolve, 1500))
      const before = sum(one)
      const idle = sum(other)
      await publishAll(publisher, 'append/a', numbers(MESSAGES))
      results[count] = (sum(one) - before) / MESSAGES
      assert.equal(sum(other), idle, 'a node without interest')
      await publisher.endAsync()
    }
    for (const writes of Object.values(results)) assert.ok(writes <= 1.1, JSON.stringify(results))
    return results
  } finally {
    await Promise.all(nodes.map(node => node.stop()))
    await servers.stop()
  }
}

function sum({ broker }: TestNode): number {
  return broker.cluster!.shards.reduce((all, { sequence }) => all + sequence, 0)
}
