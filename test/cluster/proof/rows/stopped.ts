/** Row 7: a node is suspended for twice its lease. Its writes are refused when it resumes, and it acknowledges nothing. */
import assert from 'node:assert/strict'
import { publishPacket } from '../../../support/clients/spec-client.js'
import type { ProcessWorld } from '../world/processes.js'
import { client, packets, pause, publishAll, storedClient, texts, until } from '../world/world.js'

const STORED = { clean: false, properties: { sessionExpiryInterval: 3600 } } as const

export async function stopped(world: ProcessWorld): Promise<unknown> {
  const before = world.events.length
  const witness = await client(world, 1, 'stopped-witness')
  await witness.subscribeAsync('stopped/#', { qos: 2 })
  const seen = texts(witness)
  const subscriber = await packets(world, 0)
  await subscriber.connect({ clientId: 'stopped-subscriber', ...STORED })
  subscriber.send({
    cmd: 'subscribe',
    messageId: 1,
    subscriptions: [{ topic: 'stopped/#', qos: 1, nl: false, rap: false, rh: 0 }],
  })
  await subscriber.expect('suback')
  const publisher = await packets(world, 0)
  await publisher.connect({ clientId: 'stopped-publisher', ...STORED })
  // what is in progress when it is suspended
  const flood = await client(world, 0, 'stopped-flood', { reconnectPeriod: 0 })
  for (let i = 0; i < 200; i++) flood.publish('stopped/flood', String(i), { qos: 1 }, () => {})
  await pause(20)
  world.signal(0, 'SIGSTOP')
  publisher.send(publishPacket({ topic: 'stopped/late', payload: Buffer.from('late'), qos: 1, messageId: 9 }))
  const other = await storedClient(world, 1, 'stopped-subscriber')
  const received = texts(other)
  const inTime = await client(world, 2, 'stopped-other')
  await publishAll(inTime, 'stopped/other', ['for the new owner'])
  await until(() => received.includes('for the new owner'), 'the message of the new owner')
  await pause(world.leaseMs * 2)
  const late = seen.length
  const packetsBefore: string[] = []
  subscriber.stream.on('data', () => packetsBefore.push('data'))
  const toSubscriber = byteCount(subscriber.stream)
  const toPublisher = byteCount(publisher.stream)
  world.signal(0, 'SIGCONT')
  await until(() => subscriber.isClosed && publisher.isClosed, 'the end of the old connections')
  await until(
    () => world.events.slice(before).some(({ node, name }) => node === 0 && name === 'leaseLost'),
    'the loss of the lease',
  )
  await pause(2000)
  // only a DISCONNECT, of a few bytes, may arrive
  assert.ok(
    toSubscriber.types.every(type => type === 14),
    `the subscriber was sent ${toSubscriber.types.join()}`,
  )
  assert.ok(
    toPublisher.types.every(type => type === 14),
    `the publisher was sent ${toPublisher.types.join()}`,
  )
  assert.deepEqual(seen.slice(late), [], 'stale writes')
  assert.ok(!seen.includes('late'))
  await until(() => other.connected, 'the new owner stays')
  await Promise.all([witness, other, inTime].map(one => one.endAsync(true)))
  flood.end(true)
  // it takes part again
  const again = await storedClient(world, 0, 'stopped-subscriber')
  await again.endAsync()
  return { refused: (await world.stats(0))?.refusedWrites }
}

/** The types of the packets that arrive from now on; each chunk here starts with a packet. */
function byteCount(stream: NodeJS.ReadableStream): { types: number[] } {
  const types: number[] = []
  stream.on('data', (chunk: Buffer) => types.push(chunk[0]! >> 4))
  return { types }
}
