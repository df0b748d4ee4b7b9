/** Several brokers on one bus and one clock: created and closed together, also if the test fails. */
import { createBroker } from '../../../lib/index.js'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import type { Broker } from '../../../types/broker/broker.js'
import type { BrokerOptions } from '../../../types/broker/options.js'
import type { ConnectPacket } from '../../../types/message/packets.js'
import { SpecClient } from '../clients/spec-client.js'

/** Creates the brokers, runs the body, and closes them. Their failure events go to `errors`. */
export async function withBrokers<const Options extends readonly BrokerOptions[]>(
  options: Options,
  body: (brokers: { [Index in keyof Options]: Broker }, clock: FakeClock, errors: unknown[]) => Promise<void>,
): Promise<void> {
  const clock = new FakeClock()
  const errors: unknown[] = []
  const brokers = await Promise.all(options.map(each => createBroker({ clock, ...each })))
  for (const broker of brokers) broker.on('storeError', error => errors.push(error))
  try {
    await body(brokers as unknown as { [Index in keyof Options]: Broker }, clock, errors)
  } finally {
    // the clock stands still: operations that wait for a deadline would wait forever
    const closing = Promise.all(brokers.map(broker => broker.close()))
    await clock.advance(60_000)
    await closing
  }
}

/** Connects to one of them with MQTT 5.0. */
export async function connectTo(
  broker: Pick<Broker, 'handle'>,
  clientId: string,
  packet: Partial<ConnectPacket> = {},
): Promise<SpecClient> {
  const client = new SpecClient(broker, 5)
  await client.connect({ clientId, ...packet })
  return client
}
