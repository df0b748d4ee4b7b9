/** Row 10: many retained messages and many stored sessions, on three servers. */
import { jetstream } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { natsCluster } from '../../../../lib/nats/index.js'
import { ShardSubjects } from '../../../../lib/nats/wire/subjects.js'
import type { Broker } from '../../../../types/broker/broker.js'
import { IGNORED, NatsServers } from '../../../support/programs/nats.js'
import { TestNode, until } from '../../support/nodes.js'
import { arrive, bulkSessions, connectBytes } from '../world/bulk-sessions.js'
import { pause, timed } from '../world/world.js'

/** Connects and claims take turns, so that both meet the same machine. */
const TURNS = 5
/** Connects, and claims, of one turn. */
const CLAIMS = 2000
const AT_ONCE = 200
const SETTLE_MS = 5000
/** Until the servers have removed the records of the claims that a turn has released. */
const TURN_MS = 2500
const NEVER = new AbortController()

export async function scale(count: number): Promise<unknown> {
  const servers = await NatsServers.start(3)
  const nodes: TestNode[] = []
  try {
    const cluster = natsCluster({ servers: servers.urls })
    const one = await TestNode.start(cluster, { id: 'one' })
    nodes.push(one)
    const fillMs = await timed(() => retain(one.broker, count))
    const findMs: number[] = []
    for (const topic of ['+/7', '+/8', '+/9']) findMs.push(await timed(() => found(one.broker, `scale/${topic}`)))
    const sessionsMs = await timed(() => bulkSessions(one.broker, count, 'scale/never'))
    const startMs = await timed(async () => nodes.push(await TestNode.start(cluster, { id: 'other' })))
    const other = nodes[1]!
    // a node that has joined reads the deadlines for which it is now responsible
    await pause(SETTLE_MS)
    const bareNode = await cluster.join({ node: 'bare', leaseMs: 15_000, events: IGNORED })
    const nc = await connect({ servers: servers.urls })
    const plain = jetstream(nc)
    const plainClaim = (i: number) => {
      const { all } = new ShardSubjects('anax', i % bareNode.shards)
      const subject = all.replace('>', `bare.plain${i}`)
      return plain.publish(subject, JSON.stringify({ clientId: `plain${i}` }), { expect: { lastSubjectSequence: 0 } })
    }
    await pause(SETTLE_MS)
    const each = Math.min(CLAIMS, Math.floor(count / TURNS))
    const connects: number[] = []
    const claims: number[] = []
    const plainClaims: number[] = []
    for (let turn = 0; turn < TURNS; turn++) {
      const left: (() => void)[] = []
      const from = turn * each
      const packets = Array.from({ length: each }, (_, i) => connectBytes(`bulk${from + i}`))
      connects.push(await rate(each, async i => left.push(await arrive(other.broker, packets[i]!))))
      for (const leave of left) leave()
      await until(() => isIdle(other.broker), 'the end of the connections')
      await pause(TURN_MS)
      claims.push(await rate(each, i => bareNode.claim(`bare${from + i}`, NEVER)))
      plainClaims.push(await rate(each, i => plainClaim(from + i)))
    }
    await nc.close()
    await bareNode.leave()
    await until(() => nodes.every(({ broker }) => broker.cluster !== undefined), 'the nodes')
    const measured = {
      connectsPerSecond: middleOf(connects),
      bareClaimsPerSecond: middleOf(plainClaims),
      claimsPerSecond: middleOf(claims),
    }
    const all = `${connects} connects a second, ${plainClaims} bare claims, ${claims} of a node, started in ${startMs} ms`
    if (measured.connectsPerSecond * 3 < measured.bareClaimsPerSecond) throw new Error(all)
    if (middleOf(findMs) > 100) throw new Error(`retained messages found in ${findMs.join(', ')} ms`)
    if (startMs > 5000) throw new Error(`a node started in ${startMs} ms`)
    return { fillMs, findMs, sessionsMs, startMs, ...measured, connects, plainClaims, claims }
  } finally {
    await Promise.all(nodes.map(node => node.stop()))
    await servers.stop()
  }
}

async function retain(broker: Broker, count: number): Promise<void> {
  let next = 0
  const work = async () => {
    for (let i = next++; i < count; i = next++) {
      // 100 groups have a topic that ends with each number
      const topic = `scale/${i % 100}/${Math.floor(i / 100)}`
      await broker.publish({ topic, payload: `${i}`, qos: 1, retain: true })
    }
  }
  await Promise.all(Array.from({ length: 1000 }, work))
}

async function found(broker: Broker, filter: string): Promise<void> {
  let count = 0
  for await (const _ of broker.retained(filter)) count++
  if (count !== 100) throw new Error(`${filter}: ${count}`)
}

/** Whether nobody is connected, and everything is written. */
function isIdle({ cluster }: Broker): boolean {
  return cluster?.claims === 0 && cluster.shards.every(({ pendingWrites }) => pendingWrites === 0)
}

function middleOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}

/** @returns how many a second */
async function rate(count: number, each: (i: number) => Promise<unknown>): Promise<number> {
  let next = 0
  const work = async () => {
    for (let i = next++; i < count; i = next++) await each(i)
  }
  const ms = await timed(() => Promise.all(Array.from({ length: AT_ONCE }, work)))
  return Math.round((count * 1000) / ms)
}
