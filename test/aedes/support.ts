/**
 * Creates brokers of `anax/aedes` for a test, connects clients, and collects messages below `$SYS/`. Must not know the
 * tests.
 */
import assert from 'node:assert/strict'
import { afterEach } from 'node:test'
import { Aedes, type AedesOptions } from '../../lib/aedes/index.js'
import { SpecClient } from '../support/clients/spec-client.js'

/** Brokers to close after the test. */
export const open: Aedes[] = []
afterEach(async () => {
  for (const broker of open.splice(0)) await new Promise<void>(resolve => broker.close(resolve))
})

/** Creates a broker that is closed after the test. */
export async function create(options?: AedesOptions): Promise<Aedes> {
  const broker = await Aedes.createBroker(options)
  open.push(broker)
  return broker
}

/** A connected and accepted client. */
export async function connected(broker: Aedes, clientId = 'client', version: 4 | 5 = 4): Promise<SpecClient> {
  const client = new SpecClient(broker as never, version)
  const { returnCode, reasonCode } = await client.connect({ clientId })
  assert.equal(returnCode ?? reasonCode, 0)
  return client
}

/** Collects the broker's messages below `$SYS/`. */
export function said(broker: Aedes): Promise<string[]> {
  const topics: string[] = []
  const listener = ({ topic, payload }: { topic: string; payload: Buffer }, done: () => void) => {
    topics.push(`${topic.replace(broker.id, '<id>')} ${payload}`)
    done()
  }
  return new Promise(resolve => broker.subscribe('$SYS/#', listener, () => resolve(topics)))
}
