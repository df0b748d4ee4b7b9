/** Brokers of `anax/aedes` for a test, clients of them, and what they say of themselves. Knows no test. */
import assert from 'node:assert/strict'
import { afterEach } from 'node:test'
import { Aedes, type AedesOptions } from '../../lib/aedes/index.js'
import { SpecClient } from '../support/clients/spec-client.js'

/** Brokers that are closed after the test. */
export const open: Aedes[] = []
afterEach(async () => {
  for (const broker of open.splice(0)) await new Promise<void>(resolve => broker.close(resolve))
})

/** A broker that is closed after the test. */
export async function create(options?: AedesOptions): Promise<Aedes> {
  const broker = await Aedes.createBroker(options)
  open.push(broker)
  return broker
}

/** A client of it that was let in. */
export async function connected(broker: Aedes, clientId = 'client', version: 4 | 5 = 4): Promise<SpecClient> {
  const client = new SpecClient(broker as never, version)
  const { returnCode, reasonCode } = await client.connect({ clientId })
  assert.equal(returnCode ?? reasonCode, 0)
  return client
}

/** What the broker says below its `$SYS/`. */
export function said(broker: Aedes): Promise<string[]> {
  const topics: string[] = []
  const listener = ({ topic, payload }: { topic: string; payload: Buffer }, done: () => void) => {
    topics.push(`${topic.replace(broker.id, '<id>')} ${payload}`)
    done()
  }
  return new Promise(resolve => broker.subscribe('$SYS/#', listener, () => resolve(topics)))
}
