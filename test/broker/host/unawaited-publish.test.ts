/** A host that publishes much without waiting: what is not yet delivered waits in order, and takes little memory. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type Broker, type BrokerOptions, createBroker, createMemoryPersistence } from '../../../lib/index.js'

/** More than a turn of the event loop delivers. */
const MANY = 5000

/** Twice what a call that waits takes with its message: one that has begun to be delivered takes more than that. */
const MOST_BYTES = 1800

/** A broker whose connected client makes each delivery cost something. */
async function brokerThatHears(heard: (text: string) => void, options?: BrokerOptions): Promise<Broker> {
  const broker = await createBroker(options)
  const client = await broker.client({ clientId: 'c' })
  await client.subscribe('a', { qos: 0 }, () => {})
  await broker.subscribe('a', ({ payload }) => heard(payload.toString()))
  return broker
}

function publishMany(broker: Broker, count: number): Promise<void>[] {
  return Array.from({ length: count }, (_, i) => broker.publish({ topic: 'a', payload: `${i}`, qos: 1 }))
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => `${i}`)

describe('messages that the host publishes without waiting', () => {
  it('arrive in order, also those that a listener or a hook publishes meanwhile', async () => {
    const heard: string[] = []
    const broker = await brokerThatHears(text => heard.push(text))
    const nested: Promise<void>[] = []
    await broker.subscribe('a', ({ payload }) => {
      if (nested.length === 0 && payload.toString() === '4000') {
        nested.push(broker.publish({ topic: 'a', payload: 'nested' }))
      }
    })
    // a hook that waits for a further message, which waits behind all others
    broker.published = async ({ payload }) => {
      if (payload.toString() === '7') await broker.publish({ topic: 'a', payload: 'of the hook' })
    }
    await Promise.all(publishMany(broker, MANY))
    await Promise.all(nested)
    assert.deepEqual(
      heard.filter(text => /^\d/.test(text)),
      numbers(MANY),
    )
    assert.deepEqual(heard.filter(text => !/^\d/.test(text)).toSorted(), ['nested', 'of the hook'])
    assert.equal(heard.at(-1), 'nested', 'it was published last')
    await broker.close()
  })

  it('reach a slow store in order, a thousand at a time, while a hook waits for one of them', async () => {
    const stored: string[] = []
    let underWay = 0
    let most = 0
    const store = createMemoryPersistence()
    const storeRetained = store.storeRetained.bind(store)
    store.storeRetained = async packet => {
      most = Math.max(most, ++underWay)
      await new Promise(setImmediate)
      underWay--
      stored.push(packet.payload.toString())
      await storeRetained(packet)
    }
    const broker = await createBroker({ persistence: store })
    broker.published = async ({ payload }) => {
      if (payload.toString() === '7') await broker.publish({ topic: 'b', payload: 'of the hook', retain: true })
    }
    const calls = Array.from({ length: MANY }, (_, i) => broker.publish({ topic: 'a', payload: `${i}`, retain: true }))
    await Promise.all(calls)
    assert.deepEqual(stored, [...numbers(MANY), 'of the hook'])
    assert.equal(most, 1000)
    await broker.close()
  })

  it('are published by the time the broker has closed', async () => {
    const heard: string[] = []
    const broker = await brokerThatHears(text => heard.push(text))
    const calls = publishMany(broker, MANY)
    await broker.close()
    await Promise.all(calls)
    assert.deepEqual(heard, numbers(MANY))
  })

  it('reject on their own', async () => {
    const heard: string[] = []
    const broker = await brokerThatHears(text => heard.push(text), { maxRetainedMessages: 0 })
    const calls = publishMany(broker, MANY)
    const failing = broker.publish({ topic: 'a', payload: 'failed', retain: true, qos: 1 })
    const last = broker.publish({ topic: 'a', payload: 'last' })
    await assert.rejects(failing, { code: 'ANAX_ERR_QUOTA' })
    await Promise.all([...calls, last])
    assert.deepEqual(heard.slice(MANY), ['last'])
    await broker.close()
  })

  it('take little memory while they wait', async () => {
    setFlagsFromString('--expose-gc')
    const gc = runInNewContext('gc') as () => void
    const broker = await brokerThatHears(() => {})
    const measured: number[] = []
    // the least of several: the test runner's table of promises is in this heap, and may double meanwhile
    for (let round = 0; round < 5; round++) {
      gc()
      const before = process.memoryUsage().heapUsed
      const calls = publishMany(broker, MANY)
      gc()
      measured.push((process.memoryUsage().heapUsed - before) / MANY)
      await Promise.all(calls)
    }
    assert.ok(Math.min(...measured) < MOST_BYTES, `${measured} bytes for each`)
    await broker.close()
  })
})
