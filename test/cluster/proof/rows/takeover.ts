/** Row 2: the session of a client that connects to another node moves with it, and no other node has it. */
import assert from 'node:assert/strict'
import type { MqttClient } from 'mqtt'
import { publishPacket } from '../../../support/clients/spec-client.js'
import { client, packets, pause, publishAll, storedClient, texts, timed, until, type World } from '../world/world.js'

const STORED = { clean: false, properties: { sessionExpiryInterval: 3600 } } as const

/** The old connection gets DISCONNECT 0x8E. @returns how long the slowest new connection took, in milliseconds */
export async function moves(world: World, count: number): Promise<number> {
  let longest = 0
  const before = world.events.length
  for (let i = 0; i < count; i++) {
    const first = await storedClient(world, i % 3, `mover${i}`)
    const told: (number | undefined)[] = []
    first.on('disconnect', ({ reasonCode }) => told.push(reasonCode))
    const closed = new Promise<void>(resolve => first.once('close', () => resolve()))
    let second: MqttClient | undefined
    const took = await timed(async () => {
      second = await storedClient(world, (i + 1) % 3, `mover${i}`)
      await closed
    })
    longest = Math.max(longest, took)
    assert.deepEqual(told, [0x8e])
    await second!.endAsync()
  }
  const takenOver = () => world.events.slice(before).filter(({ name }) => name === 'sessionTakenOver')
  await until(() => takenOver().length >= count, 'the events')
  assert.deepEqual(
    takenOver().map(({ args }) => args[0]),
    Array.from({ length: count }, (_, i) => `mover${i}`),
  )
  return longest
}

/** A client connects to all nodes at once, again and again: one connection remains, and only it gets messages. */
export async function races(world: World, count: number): Promise<void> {
  const publisher = await client(world, 0, 'race-publisher')
  const contend = async (race: number) => {
    const topic = `race/${race % 20}`
    const clientId = `racer${race % 20}`
    const received: string[] = []
    const attempts = [0, 1, 2].map(async node => {
      try {
        const one = await storedClient(world, node, clientId)
        one.on('message', (_topic, payload) => received.push(`${node} ${payload.toString()}`))
        return one
      } catch {
        return undefined
      }
    })
    const contenders = (await Promise.all(attempts)).filter(one => one !== undefined)
    await until(() => contenders.filter(one => one.connected).length <= 1, `one winner of race ${race}`)
    const winner = contenders.find(one => one.connected) ?? (await storedClient(world, race % 3, clientId))
    if (!contenders.includes(winner)) {
      winner.on('message', (_topic, payload) => received.push(`winner ${payload.toString()}`))
    }
    await winner.subscribeAsync(topic, { qos: 1 })
    await publisher.publishAsync(topic, String(race), { qos: 1 })
    const mine = () => received.filter(text => text.endsWith(` ${race}`))
    await until(() => mine().length > 0, `the message of race ${race}`)
    assert.equal(mine().length, 1, `race ${race}: ${received.join()}`)
    for (const one of [...contenders, winner]) await one.endAsync(true)
  }
  for (let race = 0; race < count; race += 10) {
    await Promise.all(Array.from({ length: Math.min(10, count - race) }, (_, i) => contend(race + i)))
  }
  await publisher.endAsync(true)
}

/** Unacknowledged messages are sent again on the other node with the same packet ids; QoS 2 is published once. */
export async function inflightMoves(world: World): Promise<void> {
  const publisher = await client(world, 2, 'inflight-publisher')
  const witness = await client(world, 2, 'inflight-witness')
  await witness.subscribeAsync('up', { qos: 2 })
  const published = texts(witness)
  const first = await packets(world, 0)
  await first.connect({ clientId: 'inflight', ...STORED })
  first.send({
    cmd: 'subscribe',
    messageId: 1,
    subscriptions: [{ topic: 'down/+', qos: 2, nl: false, rap: false, rh: 0 }],
  })
  await first.expect('suback')
  await publishAll(publisher, 'down/1', ['one'], 1)
  const one = await first.expect('publish')
  await publishAll(publisher, 'down/2', ['two'], 2)
  const two = await first.expect('publish')
  await publishAll(publisher, 'down/2', ['three'], 2)
  const three = await first.expect('publish')
  first.send({ cmd: 'pubrec', messageId: three.messageId!, reasonCode: 0 })
  await first.expect('pubrel')
  const up = publishPacket({ topic: 'up', payload: Buffer.from('once'), qos: 2, messageId: 7 })
  first.send(up)
  await first.expect('pubrec')
  const second = await packets(world, 1)
  const connack = await second.connect({ clientId: 'inflight', ...STORED })
  assert.equal(connack.sessionPresent, true)
  const again = [await second.next(), await second.next(), await second.next()]
  const expected = [
    ['publish', one.messageId, true],
    ['publish', two.messageId, true],
    ['pubrel', three.messageId, undefined],
  ]
  const seen = again.map(packet => [
    packet.cmd,
    (packet as { messageId?: number }).messageId,
    packet.cmd === 'publish' ? packet.dup : undefined,
  ])
  assert.deepEqual(new Set(seen.map(String)), new Set(expected.map(String)))
  second.send({ ...up, dup: true })
  await second.expect('pubrec')
  second.send({ cmd: 'pubrel', messageId: 7, reasonCode: 0 })
  await second.expect('pubcomp')
  await publisher.publishAsync('up', 'last', { qos: 2 })
  await until(() => published.includes('last'), 'the last message')
  assert.deepEqual(published, ['once', 'last'])
  second.stream.destroy()
  await Promise.all([publisher.endAsync(true), witness.endAsync(true)])
}

/** The node of a client is killed: the client gets its session on another one. @returns milliseconds */
export async function afterDeath(world: World): Promise<number> {
  const publisher = await client(world, 1, 'death-publisher')
  const first = await storedClient(world, 0, 'survivor')
  await first.subscribeAsync('survivor', { qos: 1 })
  const closed = new Promise<void>(resolve => first.once('close', () => resolve()))
  await world.kill(0)
  await closed
  await publishAll(publisher, 'survivor', ['meanwhile'])
  let second: MqttClient | undefined
  const received: string[] = []
  const took = await timed(async () => {
    second = await storedClient(world, 1, 'survivor')
    second.on('message', (_topic, payload) => received.push(payload.toString()))
    await until(() => received.length > 0, 'the message')
  })
  assert.deepEqual(received, ['meanwhile'])
  await pause(20)
  await Promise.all([publisher.endAsync(true), second!.endAsync(true)])
  await world.restart(0)
  return took
}
