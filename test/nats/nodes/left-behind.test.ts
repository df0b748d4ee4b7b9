/**
 * What nodes leave behind in NATS: in containers each has a new name, so nothing of a node that has ended may stay for
 * ever, and a node that starts later must not take it for a member.
 */
import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { natsCluster } from '../../../lib/nats/index.js'
import type { ClusterNode, JoinRequest } from '../../../types/cluster.js'
import { effort } from '../../support/effort.js'
import { Cable, IGNORED, NatsServers, NO_NATS, natsServer } from '../../support/programs/nats.js'

const skip = natsServer === undefined ? NO_NATS : effort === 'fast' && 'real servers are for npm test'
const LEASE_MS = 1500

describe('what nodes leave behind', { skip }, () => {
  let servers: Promise<NatsServers> | undefined
  const joined: { node: ClusterNode; cable: Cable }[] = []
  after(async () => {
    for (const { node, cable } of joined) {
      cable.heal()
      await node.leave()
      cable.close()
    }
    await (await servers)?.stop()
  })

  /** A node with a name of its own, on a cable. */
  async function join(request: Partial<JoinRequest> = {}): Promise<{ node: ClusterNode; cable: Cable }> {
    servers ??= NatsServers.start(1)
    const cable = await Cable.to((await servers).ports[0]!)
    const cluster = natsCluster({
      servers: cable.url,
      replicas: 1,
      shards: 2,
      connection: { ignoreClusterUpdates: true },
    })
    const node = await cluster.join({
      node: `pod-${joined.length + 1}`,
      leaseMs: LEASE_MS,
      events: IGNORED,
      ...request,
    })
    joined.push({ node, cable })
    return { node, cable }
  }

  it('expires, whether they leave, are killed, or only export', async () => {
    const changes: string[] = []
    let lost = () => {}
    const isLost = new Promise<void>(resolve => (lost = resolve))
    const membership: (typeof IGNORED)['membership'] = ({ node, change }) => {
      changes.push(`${node} ${change}`)
      if (change === 'lost') lost()
    }
    const steady = await join({ events: { ...IGNORED, membership } })
    const left = await join()
    await left.node.leave()
    const guest = await join({ purpose: 'export' })
    await guest.node.leave()
    const killed = await join()
    const claim = await killed.node.claim('client', new AbortController())
    await killed.node.write(claim, { records: { s: Buffer.from('session') } })
    killed.cable.cut()
    await isLost
    const taken = await steady.node.claim('client', new AbortController())
    await steady.node.release(taken, 'forget')

    const late: string[] = []
    const fresh = await join({
      events: { ...IGNORED, membership: ({ node, change }) => late.push(`${node} ${change}`) },
    })
    assert.deepEqual(late, [`${steady.node.node} joined`])
    assert.equal(fresh.node.stats().nodes.length, 2)
    assert.deepEqual(changes.slice(0, 4), ['pod-2 joined', 'pod-2 left', 'pod-4 joined', 'pod-4 lost'])

    // those that run have a fence in each shard
    const running = [steady, fresh].map(({ node }) => `fence.${node.node}`)
    assert.deepEqual(
      (await permanent((await servers!).urls[0]!)).filter(subject => !running.some(fence => subject.endsWith(fence))),
      [],
    )
    for (const { node } of [fresh, steady]) await node.leave()
    assert.deepEqual(await permanent((await servers!).urls[0]!), [])
  })
})

/** The subjects of messages that do not expire by themselves. */
async function permanent(server: string): Promise<string[]> {
  const nc = await connect({ servers: server })
  const manager = await jetstreamManager(nc)
  const subjects: string[] = []
  for await (const { config } of manager.streams.list()) {
    const { state } = await manager.streams.info(config.name, { subjects_filter: '>' })
    for (const subject of Object.keys(state.subjects ?? {})) {
      const message = await manager.streams.getMessage(config.name, { last_by_subj: subject })
      if (!message?.header.has('Nats-TTL')) subjects.push(subject)
    }
  }
  await nc.close()
  return subjects
}
