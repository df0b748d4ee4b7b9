/**
 * The end of a stream does not overtake its data: everything that arrived before is handled in order and acknowledged
 * if the other side still reads, DISCONNECT counts, and only then does the connection end.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { describe, it, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { encode } from '../../../lib/codec/encode/encoder.js'
import { type Broker, type BrokerOptions, createBroker, createMemoryPersistence } from '../../../lib/index.js'
import type { Clock } from '../../../types/clock.js'
import type { Packet, QoS } from '../../../types/message/packets.js'
import { slowStore } from '../../support/brokers/stores.js'
import { reach, TRANSPORTS, type TransportName } from '../../support/brokers/transports.js'
import { connectPacket, publishPacket, SpecClient } from '../../support/clients/spec-client.js'
import { runs } from '../../support/effort.js'

const MESSAGES = 30

/** What is slow, so that the end of the stream arrives while packets wait. */
const LATENCIES = {
  nothing: {},
  authorizePublish: { authorizePublish: async () => sleep(1, true) },
  authorizeSubscribe: { authorizeSubscribe: async (_client, subscription) => sleep(1, subscription) },
  published: { published: async () => void (await sleep(1)) },
  store: {},
} satisfies Record<string, BrokerOptions>
type Latency = keyof typeof LATENCIES

const systemClock: Clock = {
  now: Date.now,
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimeout: timer => clearTimeout(timer as NodeJS.Timeout),
}

/** How the client ends the connection. */
const ENDS = ['FIN', 'half-close', 'destroy', 'reset'] as const
type End = (typeof ENDS)[number]

/** The last packet that it sends. */
const LAST = ['publish', 'subscribe', 'pubrel', 'disconnect'] as const
type Last = (typeof LAST)[number]

interface Scene {
  transport: TransportName
  latency: Latency
  end: End
  qos: QoS
  last: Last
  /** Whether everything is sent together with CONNECT, before CONNACK. */
  when: 'before CONNACK' | 'after CONNACK'
}

/** Whether the broker certainly gets everything: then nothing may be missing. A reset may discard unread bytes. */
const isOrderly = ({ end }: Scene) => end === 'FIN' || end === 'half-close'

async function run(scene: Scene): Promise<void> {
  const { latency, transport } = scene
  const persistence = createMemoryPersistence()
  const options =
    latency === 'store'
      ? { persistence: slowStore(persistence, { clock: systemClock, effect: 'late', next: () => 1 }) }
      : {}
  const broker = await createBroker({ ...LATENCIES[latency], ...options })
  if (scene.when === 'before CONNACK') broker.authenticate = async () => sleep(5, true)
  const { dial, close } = await reach(broker, transport)
  try {
    await play(scene, broker, await dial())
  } finally {
    await broker.close()
    await close()
  }
}

async function play(scene: Scene, broker: Broker, stream: Duplex): Promise<void> {
  const received: string[] = []
  let wills = 0
  await broker.subscribe('t', ({ payload }) => received.push(payload.toString()))
  await broker.subscribe('will', () => wills++)
  const gone = once(broker, 'clientDisconnect')
  gone.catch(() => {})
  const client = new SpecClient(broker, 4, stream)
  const connect = connectPacket(4, {
    clean: false,
    will: { topic: 'will', payload: Buffer.from('w'), qos: 0, retain: false },
  })
  if (scene.when === 'after CONNACK') {
    client.send(connect)
    await client.expect('connack')
    client.send(...packetsOf(scene))
  } else {
    client.send(connect, ...packetsOf(scene))
  }
  await leave(scene, stream)
  if (isOrderly(scene) || scene.when === 'after CONNACK') await gone
  const complete = Array.from({ length: MESSAGES }, (_, i) => String(i))
  assert.deepEqual(received, complete.slice(0, received.length), 'in order, each once')
  if (!isOrderly(scene)) return
  assert.deepEqual(received, complete)
  assert.equal(wills, scene.last === 'disconnect' ? 0 : 1)
  if (scene.end === 'half-close') await answered(scene, client)
}

/** All acknowledgements arrived at the side that still reads. */
async function answered({ qos, last }: Scene, client: SpecClient): Promise<void> {
  const packets = await client.closed()
  const count = (cmd: Packet['cmd']) => packets.filter(packet => packet.cmd === cmd).length
  if (qos === 1) assert.equal(count('puback'), MESSAGES)
  if (qos === 2) assert.equal(count('pubrec'), MESSAGES)
  if (last === 'subscribe') assert.equal(count('suback'), 1)
  if (last === 'pubrel') assert.equal(count('pubcomp'), MESSAGES)
}

function packetsOf({ qos, last }: Scene): Packet[] {
  const packets: Packet[] = Array.from({ length: MESSAGES }, (_, i) =>
    publishPacket({ topic: 't', payload: Buffer.from(String(i)), qos, messageId: qos > 0 ? i + 1 : undefined }),
  )
  if (last === 'pubrel') {
    for (let i = 0; i < MESSAGES; i++) packets.push({ cmd: 'pubrel', messageId: i + 1 })
  } else if (last === 'subscribe') {
    packets.push({ cmd: 'subscribe', messageId: 1000, subscriptions: [{ topic: 'other', qos: 1 }] })
  } else if (last === 'disconnect') {
    packets.push({ cmd: 'disconnect' })
  }
  return packets
}

async function leave({ end }: Scene, stream: Duplex): Promise<void> {
  if (end === 'half-close' || end === 'FIN') {
    stream.end()
    await once(stream, 'finish')
  } else if (end === 'reset' && stream instanceof Socket) {
    stream.resetAndDestroy()
  } else {
    stream.destroy()
  }
}

/** What a transport can do: WebSocket has no half-close, and only TCP has a reset. */
function isPossible({ transport, end, qos, last }: Scene): boolean {
  if (end === 'reset' && transport !== 'tcp') return false
  if (end === 'half-close' && !['tcp', 'unix', 'memory', 'tls'].includes(transport)) return false
  return last !== 'pubrel' || qos === 2
}

describe('the end of a stream does not overtake its data', () => {
  const scenes = fc.record<Scene>({
    transport: fc.constant<TransportName>('memory'),
    latency: fc.constantFrom(...(Object.keys(LATENCIES) as Latency[])),
    end: fc.constantFrom(...ENDS),
    qos: fc.constantFrom<QoS>(0, 1, 2),
    last: fc.constantFrom(...LAST),
    when: fc.constantFrom('before CONNACK', 'after CONNACK'),
  })

  for (const transport of TRANSPORTS) {
    it(`over ${transport}`, async () => {
      const own = scenes.map(scene => ({ ...scene, transport })).filter(isPossible)
      await fc.assert(fc.asyncProperty(own, run), { numRuns: runs(25) })
    })
  }
})

test('all of a thousand messages of a client that then disconnects arrive in order, and its will does not', async () => {
  const broker = await createBroker({ authorizePublish: async () => sleep(1, true) })
  const { dial, close } = await reach(broker, 'tcp')
  const seen: string[] = []
  await broker.subscribe('#', ({ topic, payload }) => seen.push(`${topic} ${payload}`))
  const stream = await dial()
  const gone = once(broker, 'clientDisconnect')
  const packets = Array.from({ length: 1000 }, (_, i) => publishPacket({ topic: 'r', payload: Buffer.from(String(i)) }))
  const will = { topic: 'will', payload: Buffer.from('w'), qos: 0 as const, retain: false }
  stream.write(encode(connectPacket(4, { will }), 4))
  stream.end(Buffer.concat([...packets, { cmd: 'disconnect' } as const].map(packet => encode(packet, 4))))
  await gone
  assert.deepEqual(
    seen,
    Array.from({ length: 1000 }, (_, i) => `r ${i}`),
  )
  await broker.close()
  await close()
})

test('a client that reconnects immediately waits until its earlier packets are handled', async () => {
  const broker = await createBroker({ authorizePublish: async () => sleep(1, true) })
  const { dial, close } = await reach(broker, 'tcp')
  const seen: string[] = []
  await broker.subscribe('#', ({ topic, payload }) => seen.push(`${topic} ${payload}`))
  const first = new SpecClient(broker, 5, await dial())
  await first.connect({ clientId: 'same', will: { topic: 'will', payload: Buffer.from('w'), qos: 0, retain: false } })
  first.send(...Array.from({ length: 300 }, (_, i) => publishPacket({ topic: 't', payload: Buffer.from(String(i)) })), {
    cmd: 'disconnect',
  })
  first.stream.end()
  const second = new SpecClient(broker, 5, await dial())
  await second.connect({ clientId: 'same' })
  assert.deepEqual(
    seen,
    Array.from({ length: 300 }, (_, i) => `t ${i}`),
  )
  await second.expectNothing()
  await broker.close()
  await close()
})

test('closing the broker waits for what clients sent before they left, within its time', async () => {
  const broker = await createBroker({ authorizePublish: async () => sleep(1, true) })
  const { dial, close } = await reach(broker, 'tcp')
  let received = 0
  await broker.subscribe('t', () => received++)
  const client = new SpecClient(broker, 5, await dial())
  await client.connect()
  const ended = once(broker.clients.client!.conn, 'end')
  client.send(...Array.from({ length: 200 }, () => publishPacket({ topic: 't' })))
  client.stream.end()
  await ended
  await broker.close()
  assert.equal(received, 200)
  await close()
})

test('a hook that never answers does not keep a client that has left forever', async () => {
  const broker = await createBroker({ authorizePublish: () => new Promise(() => {}), hookTimeoutMs: 20 })
  const { dial, close } = await reach(broker, 'tcp')
  const client = new SpecClient(broker, 5, await dial())
  await client.connect()
  const gone = once(broker, 'clientDisconnect')
  client.send(publishPacket({ topic: 't', qos: 1, messageId: 1 }))
  client.stream.end()
  await gone
  assert.equal(broker.connectedClients, 0)
  await broker.close()
  await close()
})
