/** Members that join and leave a shared subscription while a message is being published: one member gets it, once. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBroker } from '../../../lib/index.js'
import { createMemoryPersistence } from '../../../lib/persistence/memory/memory.js'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import type { AedesPersistence } from '../../../types/persistence.js'
import { receiveAll, textOf } from '../../support/clients/exchange.js'
import { SpecClient } from '../../support/clients/spec-client.js'
import { nextMessage } from '../../support/clients/traffic.js'
import { keptSession, spec } from '../../support/spec.js'

const SHARE = '$share/group/t'

spec('unfinished messages of a clean session are queued for a disconnected member', [4, 5], async scene => {
  const { broker, connect, clock, version } = scene
  const away = await connect('away', keptSession(version))
  await away.subscribe({ topic: SHARE, qos: 1 })
  await away.drop()
  const clean = await connect('clean')
  await clean.subscribe({ topic: SHARE, qos: 1 })
  await clock.advance(10)
  await broker.publish({ topic: 't', payload: 'x', qos: 1 })
  await nextMessage(clean, 1)
  await clean.drop()
  await clock.advance(10)
  assert.deepEqual((await receiveAll(await connect('away', keptSession(version)))).map(textOf), ['x'])
})

test('a member that reconnects while a message is being stored for it gets it immediately', async () => {
  const clock = new FakeClock()
  const store = createMemoryPersistence({ now: () => clock.now() })
  let letGo = () => {}
  const persistence = new Proxy(store, {
    get(target, key) {
      const value = Reflect.get(target, key, target)
      if (key !== 'enqueue') return typeof value === 'function' ? value.bind(target) : value
      return (...args: Parameters<typeof store.enqueue>) =>
        new Promise<void>(resolve => {
          letGo = resolve
        }).then(() => store.enqueue(...args))
    },
  }) as AedesPersistence
  const broker = await createBroker({ clock, persistence })
  const connect = async () => {
    const client = new SpecClient(broker, 5)
    await client.connect({ clientId: 'member', ...keptSession(5) })
    return client
  }
  const before = await connect()
  await before.subscribe({ topic: SHARE, qos: 1 })
  await before.drop()
  await clock.advance(10)
  const published = broker.publish({ topic: 't', payload: 'x', qos: 1 })
  const member = await connect()
  assert.deepEqual(await receiveAll(member), [])
  letGo()
  await published
  assert.deepEqual((await receiveAll(member)).map(textOf), ['x'])
  const closing = broker.close()
  await clock.advance(10_000)
  await closing
})
