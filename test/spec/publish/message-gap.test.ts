/**
 * Programs that await an answer before they listen: `await client.subscribeAsync(t); client.once('message', …)`.
 * Messages are written later than the CONNACK or SUBACK before them.
 */
import assert from 'node:assert/strict'
import type { Duplex } from 'node:stream'
import { describe, it } from 'node:test'
import type { MqttClient } from 'mqtt'
import { duplexPair } from '../../../lib/client/duplex-pair.js'
import { Decoder } from '../../../lib/codec/decode/decoder.js'
import { encode } from '../../../lib/codec/encode/encoder.js'
import { type Broker, type BrokerOptions, createBroker, createMemoryPersistence } from '../../../lib/index.js'
import { createServer } from '../../../lib/server/server.js'
import type { Packet, ProtocolVersion, QoS } from '../../../types/message/packets.js'
import type { SessionPersistence } from '../../../types/persistence.js'
import { connectClient, nextMessage } from '../../support/clients/mqtt.js'
import { connectPacket, publishPacket } from '../../support/clients/spec-client.js'
import { keptSession } from '../../support/spec.js'

const VERSIONS = [3, 4, 5] as const
/** How often the program gets the message, by QoS. */
const TIMES = { 0: 20, 1: 5, 2: 5 }

/** The packets of one write, and the turn of the event loop in which they were written. */
interface Write {
  packets: string[]
  turn: number
}

/** A connection whose writes are recorded. */
class Taken {
  readonly writes: Write[] = []
  readonly #client: Duplex
  readonly #version: ProtocolVersion
  #turn = 0

  constructor(broker: Broker, version: ProtocolVersion) {
    const [client, server] = duplexPair()
    this.#client = client
    this.#version = version
    const decoder = new Decoder({ side: 'client', maximumPacketSize: 1e6, protocolVersion: version })
    const write = server.write.bind(server) as (chunk: Buffer) => boolean
    server.write = ((chunk: Buffer) => {
      decoder.push(Buffer.from(chunk))
      const packets: string[] = []
      for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) packets.push(packet.cmd)
      this.writes.push({ packets, turn: this.#turn })
      return write(chunk)
    }) as Duplex['write']
    client.resume()
    broker.handle(server)
  }

  /** Sends packets in one chunk, and waits for the answers. */
  async send(...packets: Packet[]): Promise<Write[]> {
    const from = this.writes.length
    this.#client.write(Buffer.concat(packets.map(packet => encode(packet, this.#version))))
    for (let turns = 0; turns < 12; turns++, this.#turn++) await new Promise(resolve => setImmediate(resolve))
    return this.writes.slice(from)
  }

  end(): void {
    this.#client.destroy()
  }
}

/** Every message is written in a later turn than the answers before it. */
function assertApart(writes: readonly Write[], answers: readonly string[], messages: number): void {
  const told = JSON.stringify(writes)
  assert.equal(writes.flatMap(({ packets }) => packets).filter(cmd => cmd === 'publish').length, messages, told)
  assert.deepEqual(writes[0]?.packets, answers, told)
  assert.ok(writes.length > 1 && writes[1]!.turn > writes[0]!.turn, told)
}

async function withBroker(options: BrokerOptions, body: (broker: Broker) => Promise<void>): Promise<void> {
  const broker = await createBroker(options)
  try {
    await body(broker)
  } finally {
    await broker.close()
  }
}

const subscribePacket = (...topics: string[]): Packet => ({
  cmd: 'subscribe',
  messageId: 1,
  subscriptions: topics.map(topic => ({ topic, qos: 2 })),
})

for (const version of VERSIONS) {
  const connect = (packet = {}) => connectPacket(version, { clientId: 'client', ...packet })

  describe(`packets that are written in separate turns of the event loop (version ${version})`, () => {
    for (const qos of [0, 1, 2] as const) {
      it(`retained messages of QoS ${qos} come a turn after SUBACK, acknowledgements together with it`, () =>
        withBroker({}, async broker => {
          for (const topic of ['r/1', 'r/2']) await broker.publish({ topic, qos, retain: true, payload: topic })
          const client = new Taken(broker, version)
          await client.send(connect())
          const publish = publishPacket({ topic: 'other', qos: 1, messageId: 7 })
          assertApart(await client.send(publish, subscribePacket('r/#')), ['puback', 'suback'], 2)
          client.end()
        }))
    }

    it('live messages, and those for two SUBSCRIBEs in one chunk, come a turn after SUBACK', () =>
      withBroker({}, async broker => {
        await broker.publish({ topic: 'r', retain: true, payload: 'x' })
        const client = new Taken(broker, version)
        await client.send(connect())
        const own = publishPacket({ topic: 'live' })
        const packets = [subscribePacket('r', 'live'), own, subscribePacket('r')]
        assertApart(await client.send(...packets), ['suback', 'suback'], 3)
        client.end()
      }))

    it('queued messages and those in flight come a turn after CONNACK', () =>
      withBroker({}, async broker => {
        const first = new Taken(broker, version)
        await first.send(connect(keptSession(version)), subscribePacket('q'))
        await broker.publish({ topic: 'q', qos: 1, payload: 'in flight' })
        first.end()
        await new Promise<void>(resolve => broker.once('clientDisconnect', () => resolve()))
        await broker.publish({ topic: 'q', qos: 2, payload: 'queued' })
        const again = new Taken(broker, version)
        assertApart(await again.send(connect(keptSession(version))), ['connack'], 2)
        again.end()
      }))

    it('messages that clientReady handlers publish or cause by subscribing come a turn after CONNACK', () =>
      withBroker({}, async broker => {
        await broker.publish({ topic: 'r', retain: true, payload: 'x' })
        broker.on('clientReady', client => {
          void client.publish({ topic: 'welcome', payload: 'x' })
          void client.subscribe({ topic: 'r', qos: 0 })
        })
        const client = new Taken(broker, version)
        assertApart(await client.send(connect()), ['connack'], 2)
        client.end()
      }))
  })
}

/** A store that answers a turn later. */
function slowStore(): SessionPersistence {
  const store = createMemoryPersistence() as SessionPersistence
  const { retained } = store
  store.retained = async function* (...args) {
    await new Promise(resolve => setImmediate(resolve))
    yield* retained.apply(store, args)
  }
  return store
}

async function withServer(body: (broker: Broker, urls: string[]) => Promise<void>): Promise<void> {
  await withBroker({ persistence: slowStore() }, async broker => {
    const server = await createServer(broker, [
      { transport: 'tcp', port: 0 },
      { transport: 'ws', port: 0 },
    ])
    try {
      await body(
        broker,
        server.addresses.map(({ url }) => url),
      )
    } finally {
      await server.close()
    }
  })
}

/** The next message, if there is one. */
async function listened(client: MqttClient): Promise<string> {
  const missed = new Promise<string>(resolve => setTimeout(() => resolve('missed'), 2000).unref())
  return Promise.race([nextMessage(client).then(({ payload }) => String(payload)), missed])
}

for (const protocolVersion of [4, 5] as const) {
  describe(`a program with MQTT.js (version ${protocolVersion}) that adds its listener after an await`, () => {
    for (const qos of [0, 1, 2] as QoS[]) {
      it(`gets ${TIMES[qos]} of ${TIMES[qos]} retained messages of QoS ${qos}, over TCP and WebSocket`, () =>
        withServer(async (broker, urls) => {
          for (let i = 0; i < TIMES[qos]; i++)
            await broker.publish({ topic: `t/${i}`, qos, retain: true, payload: `${i}` })
          for (const url of urls) {
            const client = await connectClient(url, { protocolVersion })
            for (let i = 0; i < TIMES[qos]; i++) {
              await client.subscribeAsync(`t/${i}`, { qos })
              assert.equal(await listened(client), `${i}`, url)
            }
            await client.endAsync()
          }
        }))
    }

    it('gets queued messages after the promise of the connection has resolved', () =>
      withServer(async (broker, urls) => {
        const kept = {
          protocolVersion,
          clientId: 'kept',
          clean: false,
          ...(protocolVersion === 5 && { properties: { sessionExpiryInterval: 1000 } }),
        }
        const first = await connectClient(urls[0]!, kept)
        await first.subscribeAsync('q', { qos: 1 })
        await first.endAsync()
        for (const url of urls) {
          for (let i = 0; i < 5; i++) {
            await broker.publish({ topic: 'q', qos: 1, payload: `${i}` })
            const client = await connectClient(url, kept)
            assert.equal(await listened(client), `${i}`, url)
            await client.endAsync()
          }
        }
      }))
  })
}
