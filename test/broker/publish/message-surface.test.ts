/** The messages that the host gets in events, hooks and listeners have the documented fields and no others. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBroker } from '../../../lib/index.js'
import type { Message } from '../../../types/message/message.js'
import { SpecClient } from '../../support/clients/spec-client.js'
import { keptSession } from '../../support/spec.js'

/** The fields of `types/message/message.ts`. */
const DOCUMENTED: ReadonlySet<PropertyKey> = new Set([
  ...['cmd', 'brokerId', 'brokerCounter', 'topic', 'payload', 'qos', 'retain', 'dup', 'messageId', 'clientId'],
  ...['username', 'receivedAt', 'properties', 'messageExpiry'],
])

/** All that can be reached from an object, without what every object has. */
function reachable(object: object): PropertyKey[] {
  const keys: PropertyKey[] = []
  for (let each = object; each !== Object.prototype; each = Object.getPrototypeOf(each)) {
    keys.push(...Reflect.ownKeys(each).filter(key => key !== 'constructor'))
  }
  return keys
}

test('a message has only the documented fields in every hook, event and listener', async () => {
  const met = new Map<string, Message>()
  const meet = (where: string) => (message: Message) => void met.set(where, message)
  const broker = await createBroker({
    queueLimits: () => ({ maxMessages: 1, overflow: 'drop-oldest' }),
    authorizePublish: (_, message) => meet('authorizePublish')(message as Message),
    published: message => meet('published')(message as Message),
    authorizeForward: (_, message) => {
      meet('authorizeForward')(message as Message)
      return message
    },
  })
  broker.on('publish', meet('publish'))
  broker.on('drop', ({ message }) => meet('drop')(message))
  await broker.subscribe('#', message => meet('subscribe')(message))
  const client = new SpecClient(broker, 5)
  await client.connect({ clientId: 'client', ...keptSession(5) })
  await client.subscribe({ topic: '#', qos: 1 })
  await client.publish({ topic: 't', payload: Buffer.from('x'), qos: 1, retain: true })
  await client.drop()
  for (let i = 0; i < 3; i++) await broker.publish({ topic: 't', payload: 'x', qos: 1, retain: true })
  assert.deepEqual([...met.keys()].sort(), [
    'authorizeForward',
    'authorizePublish',
    'drop',
    'publish',
    'published',
    'subscribe',
  ])
  for (const [where, message] of met) {
    const unknown = (keys: PropertyKey[]) => keys.filter(key => !DOCUMENTED.has(key))
    assert.deepEqual(unknown(reachable(message)), [], where)
    assert.deepEqual(unknown(Object.keys(JSON.parse(JSON.stringify(message)))), [], where)
  }
  await broker.close()
})
