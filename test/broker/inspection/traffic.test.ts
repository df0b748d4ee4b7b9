/** Counts of connections, packets and bytes: each changes by exactly what happened. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { encode } from '../../../lib/codec/encode/encoder.js'
import type { BrokerStats, FlowStats, PacketName } from '../../../types/broker/inspection.js'
import type { Packet } from '../../../types/message/packets.js'
import { connectTo, withBrokers } from '../../support/brokers/several.js'
import { connectPacket, SpecClient } from '../../support/clients/spec-client.js'

/** The changes between two readings. */
function moved(before: FlowStats, after: FlowStats) {
  const names = Object.keys(after.packets) as PacketName[]
  const packets = names
    .map(name => [name, after.packets[name] - before.packets[name]] as const)
    .filter(([, count]) => count !== 0)
  return {
    bytes: after.bytes - before.bytes,
    packets: Object.fromEntries(packets),
    messages: after.messages.map((count, qos) => count - before.messages[qos]!),
    payloadBytes: after.payloadBytes - before.payloadBytes,
  }
}

const sizeOf = (...packets: Packet[]) => packets.reduce((sum, packet) => sum + encode(packet, 5).length, 0)

test('every packet is counted by type, with its bytes, in both directions', () =>
  withBrokers([{}], async ([broker]) => {
    const subscriber = await connectTo(broker, 'subscriber')
    await subscriber.subscribe({ topic: 't', qos: 2 })
    const publisher = await connectTo(broker, 'publisher')
    await publisher.settle()
    const before = broker.stats()
    const clientBefore = broker.clients.publisher!.stats
    const message = { cmd: 'publish', topic: 't', payload: Buffer.from('four'), retain: false, dup: false } as const
    const sent: Packet[] = [
      { ...message, qos: 0 },
      { ...message, qos: 1, messageId: 1 },
      { ...message, qos: 2, messageId: 2 },
      { cmd: 'pubrel', messageId: 2 },
      { cmd: 'pingreq' },
    ]
    publisher.send(...sent)
    for (const cmd of ['puback', 'pubrec', 'pubcomp', 'pingresp'] as const) await publisher.expect(cmd)
    for (let i = 0; i < 3; i++) await subscriber.expect('publish')
    const { received, sent: out, inflight } = broker.stats()
    assert.deepEqual(moved(before.received, received), {
      bytes: sizeOf(...sent),
      packets: { publish: 3, pubrel: 1, pingreq: 1 },
      messages: [1, 1, 1],
      payloadBytes: 12,
    })
    const answers: Packet[] = [
      { cmd: 'puback', messageId: 1 },
      { cmd: 'pubrec', messageId: 2 },
      { cmd: 'pubcomp', messageId: 2 },
      { cmd: 'pingresp' },
    ]
    assert.deepEqual(moved(before.sent, out), {
      bytes: sizeOf(...answers, ...sent.slice(0, 3)),
      packets: { publish: 3, puback: 1, pubrec: 1, pubcomp: 1, pingresp: 1 },
      messages: [1, 1, 1],
      payloadBytes: 12,
    })
    assert.equal(inflight, 2)
    const { stats } = broker.clients.publisher!
    assert.deepEqual(
      [
        stats.received.bytes - clientBefore.received.bytes,
        stats.received.packets - clientBefore.received.packets,
        stats.received.messages - clientBefore.received.messages,
        stats.sent.bytes - clientBefore.sent.bytes,
        stats.sent.packets - clientBefore.sent.packets,
      ],
      [sizeOf(...sent), 5, 3, sizeOf(...answers), 4],
    )
    assert.equal(broker.clients.subscriber!.stats.inflight, 2)
    assert.equal(broker.clients.subscriber!.stats.sent.messages, 3)
    await subscriber.drop()
    while (broker.connectedClients > 1) await nextTurn()
    assert.equal(broker.stats().inflight, 0)
  }))

test('a large payload counts as a whole, even if its bytes are not in the packet buffer', () =>
  withBrokers([{}], async ([broker]) => {
    const subscriber = await connectTo(broker, 'subscriber')
    await subscriber.subscribe({ topic: 't', qos: 1 })
    const before = broker.stats().sent
    await broker.publish({ topic: 't', payload: Buffer.alloc(5000), qos: 1 })
    await broker.publish({ topic: 't', payload: Buffer.alloc(100) })
    for (let i = 0; i < 2; i++) await subscriber.expect('publish')
    assert.equal(moved(before, broker.stats().sent).payloadBytes, 5100)
  }))

test('messages that wait in memory are counted while they wait', () =>
  withBrokers([{ maxInflight: 1 }], async ([broker]) => {
    const client = await connectTo(broker, 'a')
    await client.subscribe({ topic: 't', qos: 1 })
    for (const payload of ['one', 'two', 'three']) await broker.publish({ topic: 't', payload, qos: 1 })
    const { messageId } = await client.expect('publish')
    const { waiting, inflight } = broker.stats()
    assert.deepEqual([waiting.messages, inflight], [2, 1])
    assert.deepEqual(broker.clients.a!.stats.waiting, waiting)
    assert.ok(waiting.bytes > 8)
    assert.equal((await broker.session('a'))!.queued.messages, 2)
    client.send({ cmd: 'puback', messageId: messageId! })
    await client.expect('publish')
    assert.equal(broker.stats().waiting.messages, 1)
    await client.drop()
    while (broker.connectedClients > 0) await nextTurn()
    assert.deepEqual([broker.stats().waiting, broker.stats().inflight], [{ messages: 0, bytes: 0 }, 0])
  }))

test('connections, refusals and failures are counted', () =>
  withBrokers(
    [
      {
        authenticate: (_client, username) => username !== 'eve',
        authorizePublish: (_client, { topic }) => topic !== 'no',
      },
    ],
    async ([broker]) => {
      const counts = ({ connections, clients, publishRefused, failures }: BrokerStats) => [
        connections.total,
        clients.total,
        { ...connections.refused },
        { ...publishRefused },
        failures,
      ]
      const client = await connectTo(broker, 'a')
      const eve = new SpecClient(broker, 5)
      await eve.connect({ clientId: 'eve', username: 'eve' })
      await client.publish({ topic: 'no', qos: 1 })
      broker.on('ping', () => {
        throw new Error('no')
      })
      await client.settle()
      assert.deepEqual(counts(broker.stats()), [
        2,
        1,
        { ANAX_ERR_NOT_AUTHORIZED: 1 },
        { ANAX_ERR_PUBLISH_REFUSED: 1 },
        { hooks: 1, store: 0 },
      ])
      await client.disconnect()
      while (broker.connectedClients > 0) await nextTurn()
      assert.equal(broker.stats().clients.disconnected.client, 1)
      assert.equal(broker.stats().sessions.ended.expired, 0)
    },
  ))

test('a packet that cannot be decoded counts as bytes, not as a packet', () =>
  withBrokers([{}], async ([broker]) => {
    const client = new SpecClient(broker, 5)
    client.send(connectPacket(5, { clientId: 'a' }))
    await client.expect('connack')
    const before = broker.stats().received
    client.sendBytes('ff 00')
    await client.closed()
    assert.deepEqual(moved(before, broker.stats().received), {
      bytes: 2,
      packets: {},
      messages: [0, 0, 0],
      payloadBytes: 0,
    })
  }))
