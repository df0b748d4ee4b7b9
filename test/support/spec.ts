/**
 * The frame of a test of the standard: a broker, clients that connect to it, and all versions to which the test
 * applies.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Aedes } from '../../lib/aedes/index.js'
import { type Broker, createBroker } from '../../lib/index.js'
import { FakeClock } from '../../lib/testing/fake-clock.js'
import type { BrokerOptions } from '../../types/broker/options.js'
import type { ConnackPacket, ConnectPacket, ProtocolVersion } from '../../types/message/packets.js'
import { SpecClient } from './clients/spec-client.js'

/** Its bus delivers a message a turn of the event loop after it was published; answers take a turn as well. */
const TURNS_OF_THE_LAYER = 8

/** The argument of a test of the standard. */
export interface Spec {
  version: ProtocolVersion
  broker: Broker
  clock: FakeClock
  /** Opens a connection without sending anything. */
  dial(version?: ProtocolVersion): SpecClient
  /** Connects; fails if the broker refuses. */
  connect(clientId: string, packet?: Partial<ConnectPacket>, version?: ProtocolVersion): Promise<SpecClient>
  /** Connects, and returns what CONNACK said as well. */
  resume(clientId: string, packet?: Partial<ConnectPacket>): Promise<{ client: SpecClient; connack: ConnackPacket }>
}

/** The CONNECT of a stored session: `clean` is false, and in 5.0 the session does not expire. */
export function keptSession(version: ProtocolVersion, expiry = 0xffffffff): Partial<ConnectPacket> {
  return version === 5 ? { clean: false, properties: { sessionExpiryInterval: expiry } } : { clean: false }
}

/**
 * Declares one test per version.
 * @param title names the clauses that it proves, as `[5.0 MQTT-3.3.4-6]` or `[3.1.1 MQTT-3.3.5-1]`
 */
export function spec(
  title: string,
  versions: readonly ProtocolVersion[],
  body: (spec: Spec, t: TestContext) => Promise<void>,
  options: BrokerOptions = {},
): void {
  for (const version of versions) {
    test(`${titleFor(version, title)} (version ${version})`, async t => {
      const clock = new FakeClock()
      const { broker, served, stop } = await brokerOf({ clock, ...options })
      const unexpected: unknown[] = []
      broker.on('storeError', error => unexpected.push(error))
      try {
        await body(specOf(version, broker, served, clock), t)
        assert.deepEqual(unexpected, [])
      } finally {
        // the clock stands still: operations that wait for a deadline would wait forever
        const closing = stop()
        await clock.advance(60_000)
        await closing
      }
    })
  }
}

/** The title with the clauses of this version only: a run proves no others. */
function titleFor(version: ProtocolVersion, title: string): string {
  return title.replaceAll(version === 5 ? /\[3\.1\.1 MQTT-[^\]]*\] */g : /\[5\.0 MQTT-[^\]]*\] */g, '')
}

interface Served {
  broker: Broker
  served: Pick<Broker, 'handle'>
  stop(): Promise<void>
}

/**
 * The broker of a test, and what its clients connect to: the same broker, or Aedes's interface on it, if the
 * environment says so (test/aedes/behaviour-long.test.ts).
 */
async function brokerOf(options: BrokerOptions): Promise<Served> {
  if (process.env.ANAX_TEST_LAYER !== 'aedes') {
    const broker = await createBroker(options)
    return { broker, served: broker, stop: () => broker.close() }
  }
  SpecClient.turns = TURNS_OF_THE_LAYER
  const aedes = await Aedes.createBroker({ topicAliasMaximum: 16, ...(options as object) })
  const stop = () => new Promise<void>(resolve => aedes.close(resolve))
  return { broker: aedes.anax, served: aedes as unknown as Pick<Broker, 'handle'>, stop }
}

function specOf(version: ProtocolVersion, broker: Broker, served: Pick<Broker, 'handle'>, clock: FakeClock): Spec {
  const dial = (other = version) => new SpecClient(served, other)
  const resume = async (clientId: string, packet: Partial<ConnectPacket> = {}, other = version) => {
    const client = dial(other)
    const connack = await client.connect({ clientId, ...packet })
    assert.equal(connack.reasonCode ?? connack.returnCode, 0, `refused: ${JSON.stringify(connack)}`)
    return { client, connack }
  }
  return {
    version,
    broker,
    clock,
    dial,
    resume,
    connect: async (clientId, packet, other) => (await resume(clientId, packet, other)).client,
  }
}
