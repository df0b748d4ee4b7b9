/** Row 12: the input of the scaling model: processor time and memory of nodes and servers, from /proc. */
import { connect, type Socket } from 'node:net'
import { encode } from '../../../../lib/codec/encode/encoder.js'
import { connectPacket } from '../../../support/clients/spec-client.js'
import type { ProcessWorld } from '../world/processes.js'
import { memoryKib, meter, perOne } from '../world/processor-time.js'
import { client, numbers, publishAll, texts, until } from '../world/world.js'

const MESSAGES = 20_000
const CLIENTS = 2000
const AT_ONCE = 50

/** @returns microseconds of processor time, and KiB of memory */
export async function costs(world: ProcessWorld): Promise<Record<string, number>> {
  const { publisherNode, subscriberNode, servers } = await ofMessages(world)
  return {
    publisherNodeUs: publisherNode,
    subscriberNodeUs: subscriberNode,
    serverUs: servers,
    ...(await ofClients(world)),
  }
}

/** QoS 1, 10 bytes, from a client of one node to a client of another. */
async function ofMessages(world: ProcessWorld) {
  const subscriber = await client(world, 1, 'cost-subscriber')
  await subscriber.subscribeAsync('cost', { qos: 1 })
  const received = texts(subscriber)
  const publisher = await client(world, 0, 'cost-publisher')
  await publishAll(publisher, 'cost', numbers(2000), 1, 500)
  await until(() => received.length >= 2000, 'the first messages')
  const nodes = [0, 1].map(node => meter(world.pidOf(node)))
  const servers = meter(...[0, 1, 2].map(server => world.servers.pidOf(server)))
  await publishAll(publisher, 'cost', numbers(MESSAGES), 1, 500)
  await until(() => received.length >= 2000 + MESSAGES, 'the messages')
  await Promise.all([subscriber, publisher].map(one => one.endAsync()))
  const [publisherNode, subscriberNode] = nodes.map(each => perOne(each(), MESSAGES)) as [number, number]
  // all three together: each is the leader of some shards
  return { publisherNode, subscriberNode, servers: perOne(servers(), MESSAGES) }
}

/** Clients with stored sessions that connect and stay. */
async function ofClients(world: ProcessWorld) {
  const pid = world.pidOf(2)
  const before = memoryKib(pid)
  const node = meter(pid)
  const servers = meter(...[0, 1, 2].map(server => world.servers.pidOf(server)))
  const sockets: Socket[] = []
  let next = 0
  const work = async () => {
    while (next < CLIENTS) sockets.push(await idleClient(world.ports[2]!, `cost${next++}`))
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  const result = {
    connectNodeUs: perOne(node(), CLIENTS),
    connectServerUs: perOne(servers(), CLIENTS),
    clientKib: Math.round((memoryKib(pid) - before) / CLIENTS),
  }
  for (const socket of sockets) socket.destroy()
  return result
}

function idleClient(port: number, clientId: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    const properties = { sessionExpiryInterval: 60 }
    socket.write(encode(connectPacket(5, { clientId, clean: false, properties }), 5))
    socket.once('data', () => resolve(socket))
    socket.on('error', reject)
  })
}
