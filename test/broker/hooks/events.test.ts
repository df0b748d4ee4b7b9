/** Every event of the broker: its arguments, and its place in the order of events. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AnaxError, type Broker, createBroker, createMemoryPersistence } from '../../../lib/index.js'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import type { BrokerEvents } from '../../../types/broker/events.js'
import { publishText, receiveAll, textPacket, unsubscribe } from '../../support/clients/exchange.js'
import { SpecClient } from '../../support/clients/spec-client.js'
import { keptSession, spec } from '../../support/spec.js'

const ALL = [3, 4, 5] as const

/** Describes the arguments of an event in a few words. */
const DESCRIBE: { [Name in keyof BrokerEvents]: (...args: BrokerEvents[Name]) => string } = {
  client: ({ id, connected }) => `${id} ${connected}`,
  clientReady: ({ id, connected }) => `${id} ${connected}`,
  clientDisconnect: ({ id, connected }) => `${id} ${connected}`,
  clientError: ({ id }, { code }) => `${id} ${code}`,
  connectionError: ({ id }, { code }) => `${id} ${code}`,
  keepaliveTimeout: ({ id, connected }) => `${id} ${connected}`,
  publish: ({ topic, payload, qos, clientId }, client) =>
    `${topic} ${payload} ${qos} ${clientId} ${client?.id ?? null}`,
  ack: ({ cmd }, { id }) => `${cmd} ${id}`,
  ping: ({ cmd }, { id }) => `${cmd} ${id}`,
  subscribe: (list, { id }) => `${list.map(({ topic, qos }) => `${topic}=${qos}`)} ${id}`,
  unsubscribe: (topics, { id }) => `${topics} ${id}`,
  connackSent: ({ cmd, sessionPresent, returnCode, reasonCode }) =>
    `${cmd} ${sessionPresent} ${reasonCode ?? returnCode}`,
  closed: () => '',
  drop: ({ clientId, message, reason }) => `${clientId} ${message.topic} ${reason}`,
  hookError: ({ code }, hook, client) => `${code} ${hook} ${client?.id ?? null}`,
  storeError: ({ code }) => code,
  publishRefused: ({ code }, { topic }, client) => `${code} ${topic} ${client?.id ?? null}`,
  throttled: ({ id }, { of, what }) => `${id} ${of} ${what}`,
  flapping: ({ id }, { clientId, takeovers }) => `${id} ${clientId} ${takeovers}`,
  sessionEnded: (clientId, reason) => `${clientId} ${reason}`,
  retainedExpired: ({ topic }) => topic,
  overload: ({ cause }) => cause,
  overloadEnd: ({ cause }) => cause,
  clusterChanged: ({ node, change }) => `${node} ${change}`,
  sessionTakenOver: (clientId, from) => `${clientId} ${from}`,
  lateWritesRefused: writes => `${writes}`,
  clockWrong: aheadMs => `${aheadMs}`,
  leaseLost: ({ code }) => code,
}

/** Records every event. */
function record(broker: Broker): { take(...names: (keyof BrokerEvents)[]): string[] } {
  let log: [name: keyof BrokerEvents, line: string][] = []
  for (const name of Object.keys(DESCRIBE) as (keyof BrokerEvents)[]) {
    const describe = DESCRIBE[name] as (...args: unknown[]) => string
    const listener = (...args: unknown[]) => void log.push([name, `${name} ${describe(...args)}`.trim()])
    broker.on(name, listener as never)
  }
  return {
    /** The events since the last call; only those with the given names, if any. */
    take: (...names) => {
      const taken = log.filter(([name]) => names.length === 0 || names.includes(name))
      log = []
      return taken.map(([, line]) => line)
    },
  }
}

spec('the events of a client are in order, from client to clientDisconnect', ALL, async ({ broker, connect }) => {
  const events = record(broker)
  const client = await connect('a')
  assert.deepEqual(events.take(), ['client a true', 'connackSent connack false 0', 'clientReady a true'])
  await client.expectNothing()
  assert.deepEqual(events.take(), ['ping pingreq a'])
  await client.disconnect()
  assert.deepEqual(events.take(), ['clientDisconnect a false'])
})

spec(
  'at a takeover clientDisconnect of the old client comes before client of the new one',
  ALL,
  async ({ version, broker, connect }) => {
    const events = record(broker)
    const old = await connect('a', keptSession(version))
    events.take()
    await connect('a', keptSession(version))
    assert.deepEqual(events.take(), [
      'clientDisconnect a false',
      'client a true',
      `connackSent connack ${version !== 3} 0`,
      'clientReady a true',
    ])
    await old.closed()
  },
)

spec('events report published messages and the acknowledgements of subscribers', ALL, async ({ broker, connect }) => {
  const events = record(broker)
  const client = await connect('s')
  const publisher = await connect('p')
  events.take()
  await client.subscribe({ topic: 't', qos: 2 }, { topic: 'u', qos: 1 })
  assert.deepEqual(events.take(), ['subscribe t=2,u=1 s'])
  for (const qos of [0, 1, 2] as const) {
    await publisher.publish({ topic: 't', payload: Buffer.from('x'), qos })
    await receiveAll(client)
    const acks = { 0: [], 1: ['ack publish s'], 2: ['ack pubrel s'] }[qos]
    assert.deepEqual(events.take('publish', 'ack'), [`publish t x ${qos} p p`, ...acks])
  }
  await broker.publish({ topic: 't', payload: 'host' })
  assert.deepEqual(events.take('publish'), ['publish t host 0 undefined null'])
  await receiveAll(client)
  events.take()
  await unsubscribe(client, 't', 'never')
  assert.deepEqual(events.take(), ['unsubscribe t,never s'])
})

spec('the publish event of a will comes after clientDisconnect, without a client', ALL, async ({ broker, connect }) => {
  const will = { topic: 'w', payload: Buffer.from('bye'), qos: 1, retain: false } as const
  const client = await connect('mortal', { will })
  const events = record(broker)
  await client.drop()
  await (await connect('other')).expectNothing()
  const lines = events.take('publish', 'clientDisconnect')
  assert.deepEqual(lines.toSorted(), ['clientDisconnect mortal false', 'publish w bye 1 mortal null'])
})

spec(
  'the subscribe event contains refused subscriptions with their reason code',
  ALL,
  async ({ version, broker, connect }) => {
    broker.authorizeSubscribe = (_, subscription) => (subscription.topic === 'b' ? null : { ...subscription, qos: 0 })
    const client = await connect('s')
    const events = record(broker)
    await client.subscribe({ topic: 'a', qos: 2 }, { topic: 'b', qos: 1 })
    assert.deepEqual(events.take(), [`subscribe a=0,b=${version === 5 ? 0x87 : 0x80} s`])
  },
)

spec(
  'errors are connectionError before CONNACK, and clientError after it',
  ALL,
  async ({ version, broker, connect, dial }) => {
    const client = await connect('a')
    const events = record(broker)
    client.sendBytes('00 00')
    await client.closed()
    assert.deepEqual(events.take(), ['clientError a ANAX_ERR_MALFORMED', 'clientDisconnect a false'])
    const early = dial()
    early.send({ cmd: 'pingreq' })
    await early.closed()
    assert.deepEqual(events.take(), ['connectionError  ANAX_ERR_PROTOCOL'])
    broker.authenticate = () => false
    await dial().connect({ clientId: 'b' })
    const code = version === 5 ? 0x87 : 5
    assert.deepEqual(events.take(), [`connackSent connack false ${code}`, 'connectionError b ANAX_ERR_NOT_AUTHORIZED'])
  },
)

spec('an error of the stream is reported as clientError', ALL, async ({ broker, connect }) => {
  const client = await connect('a')
  const events = record(broker)
  broker.clients.a!.conn.destroy(new Error('cable cut'))
  await client.closed()
  assert.deepEqual(events.take(), ['clientError a ANAX_ERR_STREAM', 'clientDisconnect a false'])
})

spec('silence', ALL, async ({ broker, clock, connect }) => {
  const client = await connect('a', { keepalive: 10 })
  const events = record(broker)
  await clock.advance(16_000)
  await client.closed()
  assert.deepEqual(events.take(), [
    'keepaliveTimeout a true',
    'clientError a ANAX_ERR_KEEP_ALIVE',
    'clientDisconnect a false',
  ])
})

spec('events report refusals of hooks', [5], async ({ broker, connect }) => {
  const client = await connect('a')
  const events = record(broker)
  broker.authorizePublish = () => false
  await publishText(client, 't', '', { qos: 1 })
  assert.deepEqual(events.take(), ['publishRefused ANAX_ERR_PUBLISH_REFUSED t a'])
})

spec('sessionEnd has the reason why each session ended', [5], async ({ broker, clock, connect }) => {
  const events = record(broker)
  await (await connect('short')).disconnect()
  const kept = await connect('kept', keptSession(5, 100))
  await kept.disconnect()
  await connect('kept', { clean: true })
  assert.deepEqual(events.take('sessionEnded'), ['sessionEnded kept clean-start'])
  const changed = await connect('changed', keptSession(5, 100))
  await changed.disconnect({ properties: { sessionExpiryInterval: 0 } })
  await (await connect('late', keptSession(5, 10))).disconnect()
  await clock.advance(11_000)
  assert.deepEqual(events.take('sessionEnded'), ['sessionEnded changed disconnected', 'sessionEnded late expired'])
})

spec('a drop event reports each expired message', [5], async ({ broker, clock, connect }) => {
  const events = record(broker)
  const client = await connect('s', keptSession(5))
  await client.subscribe({ topic: 't', qos: 1 })
  await client.drop()
  const properties = { messageExpiryInterval: 10 }
  await publishText(await connect('p'), 't', 'x', { qos: 1, retain: true, properties })
  events.take()
  await clock.advance(11_000)
  assert.deepEqual(events.take(), ['drop s t expired', 'retainedExpired t'])
})

spec(
  'a drop event reports each message that a full queue drops',
  [5],
  async ({ broker, connect }) => {
    const client = await connect('s', keptSession(5))
    await client.subscribe({ topic: 't', qos: 1 })
    await client.drop()
    const publisher = await connect('p')
    const events = record(broker)
    for (let i = 0; i < 3; i++) await publishText(publisher, 't', '', { qos: 1 })
    assert.deepEqual(events.take('drop'), ['drop s t queue-full'])
  },
  { maxQueuedMessages: 2 },
)

for (const name of ['client', 'connackSent', 'clientReady', 'publish', 'ping', 'subscribe'] as const) {
  spec(
    `a listener of '${name}' that throws has no effect on clients, and is reported`,
    ALL,
    async ({ broker, connect }) => {
      const errors: string[] = []
      broker.on('hookError', ({ code, cause }, hook) => errors.push(`${code} ${hook} ${(cause as Error).message}`))
      broker.once(name, () => {
        throw new Error('broken')
      })
      const client = await connect('a')
      await client.subscribe({ topic: 't', qos: 0 })
      client.send(textPacket('t', 'x'))
      assert.equal((await receiveAll(client)).length, 1)
      assert.deepEqual(errors, [`ANAX_ERR_LISTENER listener:${name} broken`])
    },
  )
}

spec('a listener that throws does not prevent the others from being called', ALL, async ({ broker, connect }) => {
  const called: string[] = []
  broker.on('client', () => {
    called.push('first')
    throw new Error('broken')
  })
  broker.once('client', () => void called.push('once'))
  broker.on('client', function (this: unknown) {
    called.push(`last ${this === broker}`)
  })
  await connect('a')
  await connect('b')
  assert.deepEqual(called, ['first', 'once', 'last true', 'first', 'last true'])
})

spec('an async listener that rejects has no effect on clients, and is reported', ALL, async ({ broker, connect }) => {
  const told: string[] = []
  broker.on('hookError', ({ code, cause }, hook) => told.push(`${code} ${hook} ${(cause as Error).message}`))
  const fails = async (name: string) => {
    await null
    throw new Error(name)
  }
  broker.on('client', client => {
    client.on('connected', () => fails('connected'))
    return fails('client')
  })
  await (await connect('a')).expectNothing()
  assert.deepEqual(told.toSorted(), [
    'ANAX_ERR_LISTENER listener:client client',
    'ANAX_ERR_LISTENER listener:connected connected',
  ])
})

spec('an error of a hookError listener becomes a process warning', [5], async ({ broker, connect }) => {
  const warned = new Promise<Error>(resolve => process.once('warning', resolve))
  broker.on('hookError', () => {
    throw new Error('broken too')
  })
  broker.on('ping', () => {
    throw new Error('broken')
  })
  await (await connect('a')).expectNothing()
  const warning = await warned
  assert.ok(warning instanceof AnaxError)
  assert.equal(warning.code, 'ANAX_ERR_LISTENER')
})

spec('a client emits connected and close', ALL, async ({ broker, connect }) => {
  const log: string[] = []
  broker.once('client', client => {
    client.on('connected', () => log.push(`connected ${client.connected}`))
    client.on('close', () => log.push(`close ${client.closed}`))
  })
  const client = await connect('a')
  await client.disconnect()
  assert.deepEqual(log, ['connected true', 'close true'])
})

spec('closed is the last event of a broker', ALL, async ({ broker, clock, connect }) => {
  const client = await connect('a')
  const events = record(broker)
  const closing = broker.close()
  await clock.advance(10_000)
  await closing
  assert.deepEqual(events.take(), ['clientDisconnect a false', 'closed'])
  await client.closed()
})

test('a failure of the store at a write that nobody waits for is reported as storeError', async () => {
  const clock = new FakeClock()
  const store = createMemoryPersistence({ now: () => clock.now() })
  const broker = await createBroker({ clock, persistence: store })
  const events = record(broker)
  const client = new SpecClient(broker, 5)
  await client.connect({ clientId: 'a', ...keptSession(5, 10) })
  await client.disconnect()
  store.expiredSessions = () => {
    throw new Error('broken')
  }
  await clock.advance(11_000)
  assert.ok(events.take('storeError').includes('storeError ANAX_ERR_STORE'))
  const closing = broker.close()
  await clock.advance(10_000)
  await closing
})
