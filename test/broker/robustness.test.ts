/**
 * No client can harm others or the host: by breaking off at any moment, sending garbage, never reading, never
 * answering. Afterwards no listener is left on the stream and no timer on the clock.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { test } from 'node:test'
import { duplexPair } from '../../lib/client/duplex-pair.js'
import { encode } from '../../lib/codec/encode/encoder.js'
import { type Broker, createBroker } from '../../lib/index.js'
import { FakeClock } from '../../lib/testing/fake-clock.js'
import type { Packet, ProtocolVersion } from '../../types/message/packets.js'
import { connectPacket, SpecClient } from '../support/clients/spec-client.js'
import { receive, textPacket, texts } from '../support/clients/traffic.js'
import { keptSession, spec } from '../support/spec.js'

const ALL = [3, 4, 5] as const
const EVENTS = ['data', 'drain', 'error', 'end', 'close', 'finish', 'readable', 'pause', 'resume'] as const

/** A stream without a client, and the listeners that it has by itself. */
function line(): { near: Duplex; far: Duplex; before: number[] } {
  const [near, far] = duplexPair()
  near.on('error', () => {})
  return { near, far, before: listeners(far) }
}

const listeners = (stream: Duplex) => EVENTS.map(event => stream.listenerCount(event))

/** Every packet that a busy client sends, one after the other. */
function life(version: ProtocolVersion): Packet[] {
  const will = { topic: 'watched', payload: Buffer.from('will'), qos: 1 as const, retain: false }
  return [
    connectPacket(version, { clientId: 'victim', will, ...keptSession(version) }),
    { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'own/#', qos: 2 }] },
    textPacket('own/0', 'x'),
    textPacket('own/1', 'x', { qos: 1, messageId: 2, retain: true }),
    textPacket('own/2', 'x', { qos: 2, messageId: 3 }),
    { cmd: 'pubrel', messageId: 3 },
    { cmd: 'puback', messageId: 1 },
    { cmd: 'pubrec', messageId: 2 },
    { cmd: 'pubcomp', messageId: 2 },
    { cmd: 'pingreq' },
    { cmd: 'unsubscribe', messageId: 4, unsubscriptions: ['own/#'] },
    { cmd: 'disconnect' },
  ]
}

/** A subscriber of everything, and a publisher for it. */
async function watch(broker: Broker, version: ProtocolVersion): Promise<() => Promise<void>> {
  const watcher = new SpecClient(broker, version)
  await watcher.connect({ clientId: 'watcher' })
  await watcher.subscribe({ topic: 'proof', qos: 2 })
  const publisher = new SpecClient(broker, version)
  await publisher.connect({ clientId: 'publisher' })
  let round = 0
  return async () => {
    const text = String(round++)
    await publisher.publish({ topic: 'proof', qos: 2, payload: Buffer.from(text) })
    assert.deepEqual(texts(await receive(watcher, 1)), [text])
  }
}

for (const version of ALL) {
  for (const how of ['at once', 'after a turn', 'after an answer'] as const) {
    test(`a client that dies ${how} after any number of bytes leaves nothing behind (version ${version})`, async () => {
      const packets = life(version).map(packet => encode(packet, version))
      const bytes = Buffer.concat(packets)
      const clock = new FakeClock()
      const broker = await createBroker({ clock })
      const broken: unknown[] = []
      broker.on('storeError', error => broken.push(error))
      broker.on('hookError', error => broken.push(error))
      const others = await watch(broker, version)
      const lines: ReturnType<typeof line>[] = []
      for (let length = 0; length <= bytes.length; length++) {
        const stretch = line()
        lines.push(stretch)
        const { near, far } = stretch
        broker.handle(far)
        near.write(bytes.subarray(0, length))
        if (how === 'after a turn') await new Promise(resolve => setImmediate(() => setImmediate(resolve)))
        if (how === 'after an answer' && length >= packets[0]!.length) await once(near, 'data')
        near.destroy()
        if (length % 20 === 0) await others()
      }
      await clock.advance(2000)
      await others()
      assert.deepEqual(Object.keys(broker.clients).sort(), ['publisher', 'watcher'])
      for (const { far, before } of lines) {
        assert.equal(far.destroyed, true)
        assert.deepEqual(listeners(far), before)
      }
      assert.deepEqual(broken, [])
      await close(broker, clock)
    })
  }
}

/** Closes a broker; its clock has no timers afterwards. */
async function close(broker: Broker, clock: FakeClock): Promise<void> {
  const closing = broker.close()
  for (let i = 0; i < 20; i++) await clock.advance(1000)
  await closing
  assert.equal(clock.pendingTimers, 0)
}

/** Random numbers, the same in each run. */
function* noise(seed: number): Generator<number> {
  let state = seed
  for (;;) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    yield state >>> 16
  }
}

for (const version of ALL) {
  test(`garbage before and after CONNECT closes that connection and no other (version ${version})`, async () => {
    const clock = new FakeClock()
    const broker = await createBroker({ clock, maxPacketSize: 1000 })
    const others = await watch(broker, version)
    const random = noise(version)
    const next = () => random.next().value as number
    const lines: ReturnType<typeof line>[] = []
    for (let i = 0; i < 300; i++) {
      const stretch = line()
      lines.push(stretch)
      broker.handle(stretch.far)
      if (i % 2 === 0) stretch.near.write(encode(connectPacket(version, { clientId: `garbage-${i}` }), version))
      stretch.near.write(Buffer.from(Array.from({ length: 1 + (next() % 300) }, () => next() & 0xff)))
      stretch.near.resume()
    }
    await others()
    await clock.advance(100)
    for (const { near } of lines) near.end()
    await clock.advance(5000)
    await others()
    for (const { far, before } of lines) assert.deepEqual(listeners(far), before)
    await close(broker, clock)
  })

  test(`mutated packets of a whole connection affect no other client (version ${version})`, async () => {
    const clock = new FakeClock()
    const broker = await createBroker({ clock, maxPacketSize: 1000 })
    const others = await watch(broker, version)
    const bytes = Buffer.concat(life(version).map(packet => encode(packet, version)))
    const random = noise(100 + version)
    const next = () => random.next().value as number
    for (let i = 0; i < 400; i++) {
      const { near, far } = line()
      broker.handle(far)
      const mutated = Buffer.from(bytes)
      for (let j = 0; j <= next() % 3; j++) mutated[next() % mutated.length] = next() & 0xff
      near.resume()
      near.write(mutated)
      if (i % 50 === 0) await others()
      near.end()
    }
    await clock.advance(5000)
    await others()
    await close(broker, clock)
  })
}

spec(
  'a client that never reads is disconnected, and the others get everything',
  ALL,
  async ({ broker, connect, clock }) => {
    const frozen = await connect('frozen')
    await frozen.subscribe({ topic: 'a', qos: 0 })
    frozen.stream.pause()
    const other = await connect('other')
    await other.subscribe({ topic: 'a', qos: 0 })
    const payload = 'x'.repeat(10_000)
    const published: Promise<void>[] = []
    for (let i = 0; i < 100; i++) {
      published.push(broker.publish({ topic: 'a', payload }))
      assert.equal((await receive(other, 1)).length, 1)
    }
    const error = once(broker, 'clientError')
    await clock.advance(61_000)
    await Promise.all(published)
    assert.equal((await error)[1].code, 'ANAX_ERR_DRAIN_TIMEOUT')
    await clock.advance(2000)
    assert.deepEqual(Object.keys(broker.clients), ['other'])
  },
)

test('a closed broker leaves no listeners on any stream, even if its peer does not read', async () => {
  const clock = new FakeClock()
  const broker = await createBroker({ clock })
  const lines = Array.from({ length: 4 }, line)
  for (const { far } of lines) broker.handle(far)
  const [silent, connected, stuck, half] = lines.map(({ near }) => near)
  connected!.resume()
  stuck!.pause()
  for (const near of [connected!, stuck!]) {
    const packets: Packet[] = [
      connectPacket(5, { clientId: near === stuck ? 'stuck' : 'connected', keepalive: 60 }),
      { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: '#', qos: 0 }] },
    ]
    near.write(Buffer.concat(packets.map(packet => encode(packet, 5))))
  }
  half!.write(Buffer.from([0x10, 0x20]))
  silent!.resume()
  await clock.advance(10)
  for (let i = 0; i < 50; i++) await broker.publish({ topic: 'a', payload: 'x'.repeat(10_000) })
  await close(broker, clock)
  for (const [index, { far, before }] of lines.entries()) {
    assert.equal(far.destroyed, true, `stream ${index}`)
    assert.deepEqual(listeners(far), before, `stream ${index}`)
  }
})

spec('listeners of the application on the stream remain', ALL, async ({ broker, clock }) => {
  const { near, far, before } = line()
  const seen: string[] = []
  far.on('close', () => seen.push('close'))
  far.on('error', () => {})
  const client = broker.handle(far)
  client.on('close', () => seen.push('client close'))
  near.destroy()
  await clock.advance(2000)
  assert.deepEqual(seen.sort(), ['client close', 'close'])
  const left = listeners(far)
  assert.deepEqual(
    left.map((count, index) => count - before[index]!),
    EVENTS.map(event => (event === 'close' || event === 'error' ? 1 : 0)),
  )
})

spec('a stream that is already closed, or fails immediately, causes no error', ALL, async ({ broker, clock }) => {
  const dead = line()
  dead.far.destroy()
  broker.handle(dead.far)
  const failing = line()
  broker.handle(failing.far)
  const error = once(broker, 'connectionError')
  failing.far.destroy(new Error('no route'))
  assert.equal((await error)[1].code, 'ANAX_ERR_STREAM')
  await clock.advance(2000)
  for (const { far, before } of [dead, failing]) assert.deepEqual(listeners(far), before)
})

spec('a stream that is passed twice is refused the second time, and its connection continues', [5], async tools => {
  const { broker, connect, dial } = tools
  const client = await connect('client')
  const { conn } = broker.clients.client!
  assert.throws(() => broker.handle(conn), { code: 'ANAX_ERR_ARGUMENT' })
  await client.subscribe({ topic: 'a', qos: 0 })
  await broker.publish({ topic: 'a', payload: 'still here' })
  assert.equal((await receive(client, 1)).length, 1)
  await client.disconnect()
  await dial().connect({ clientId: 'client' })
})

const NONSENSE: Record<string, () => unknown> = {
  'an object with a `then` that throws': () => ({
    // biome-ignore lint/suspicious/noThenProperty: that is the point
    then() {
      throw new Error('not a promise')
    },
  }),
  'an object with a `then` that rejects twice': () => ({
    // biome-ignore lint/suspicious/noThenProperty: that is the point
    then(_: unknown, reject: (error: Error) => void) {
      reject(new Error('once'))
      reject(new Error('twice'))
    },
  }),
}

for (const [what, answer] of Object.entries(NONSENSE)) {
  spec(`a hook that answers with ${what} refuses, and an event reports it`, [5], async ({ broker, connect }) => {
    const told: string[] = []
    broker.on('hookError', (error, hook) => told.push(`${hook} ${error.code}`))
    const client = await connect('client')
    broker.authorizePublish = answer as never
    broker.authorizeSubscribe = answer as never
    assert.equal(await client.publish({ topic: 'a', qos: 1 }), 0x87)
    assert.deepEqual(await client.subscribe({ topic: 'a', qos: 1 }), [0x87])
    assert.deepEqual(told, ['authorizePublish ANAX_ERR_HOOK_FAILED', 'authorizeSubscribe ANAX_ERR_HOOK_FAILED'])
  })
}

spec('the rejected promise of a hook with a callback is handled', [5], async ({ broker, connect }) => {
  const told: string[] = []
  broker.on('hookError', (error, hook) => told.push(`${hook} ${error.code}`))
  const client = await connect('client')
  broker.authorizePublish = (_client, _packet, _callback) => Promise.reject(new Error('after all')) as never
  assert.equal(await client.publish({ topic: 'a', qos: 1 }), 0x87)
  broker.authorizePublish = (_client, _packet, callback) => {
    callback()
    return Promise.reject(new Error('too late')) as never
  }
  assert.equal(await client.publish({ topic: 'a', qos: 1 }), 0x10)
  assert.deepEqual(told, ['authorizePublish ANAX_ERR_HOOK_FAILED'])
})
