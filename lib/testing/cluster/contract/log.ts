/** The contract of the log: the receivers of messages, their order, and later reads. */
import assert from 'node:assert/strict'
import type { LogCursor } from '../../../../types/cluster.js'
import { all, type Harness, message, payloads, settled, type TestNode, unique, until } from './harness.js'

/** Topics that a message bus cannot use unchanged. */
const TOPICS = [
  '',
  '/',
  'a//b',
  '/a',
  'a b',
  'a.b',
  'a*/>',
  '*',
  '>',
  '%25',
  '%e',
  'é/日本',
  '$x/y',
  '\t\u2028',
  'x'.repeat(5000),
]

/** Publishes for one client, one after the other. */
async function publish({ node }: TestNode, topic: string, ...texts: string[]): Promise<void> {
  for (const text of texts) await node.write(undefined, { message: message(topic, text) })
}

/** Defines them. */
export function defineLogTests(harness: Harness): void {
  harness.test('a message reaches each node that wants it, its own as well, with its place', async nodes => {
    const [one, other, third] = (await nodes.many(3)) as [TestNode, TestNode, TestNode]
    const topic = unique('t')
    await one.node.want(`${topic}/+`)
    await other.node.want(`${topic}/#`)
    await third.node.want(unique('something-else'))
    const position = await one.node.write(undefined, { message: message(`${topic}/x`, 'hello') })
    await settled(one, other, third)
    for (const { entries } of [one, other]) {
      assert.deepEqual(payloads(entries), ['hello'])
      assert.deepEqual(entries[0]!.position, position)
    }
    assert.deepEqual(third.entries, [])
  })

  harness.test('messages of one publisher keep their order, and nothing is missing', async nodes => {
    const [one, other] = (await nodes.many(2)) as [TestNode, TestNode]
    const topic = unique('t')
    await other.node.want(topic)
    const texts = Array.from({ length: 1000 }, (_, i) => String(i))
    await Promise.all(texts.map(text => one.node.write(undefined, { message: message(topic, text) })))
    await until(() => other.entries.length >= texts.length)
    assert.deepEqual(payloads(other.entries), texts)
    const sequences = other.entries.map(({ position }) => position.sequence)
    assert.ok(sequences.every((sequence, i) => i === 0 || sequence > sequences[i - 1]!))
  })

  harness.test('a message that several filters match comes once', async nodes => {
    const one = await nodes.join()
    const topic = unique('t')
    for (const filter of [`${topic}/#`, `${topic}/a`, `${topic}/+`, `${topic}/a`]) await one.node.want(filter)
    await publish(one, `${topic}/a`, 'once')
    await settled(one)
    assert.deepEqual(payloads(one.entries), ['once'])
  })

  harness.test('what nobody wants any more does not come', async nodes => {
    const one = await nodes.join()
    const topic = unique('t')
    await one.node.want(topic)
    await one.node.want(topic)
    one.node.unwant(topic)
    await publish(one, topic, 'still')
    await settled(one)
    one.node.unwant(topic)
    await until(async () => {
      one.entries.length = 0
      await publish(one, topic, 'gone')
      await settled(one)
      return one.entries.length === 0
    })
  })

  harness.test('topics of all kinds come as they were published', async nodes => {
    const one = await nodes.join()
    const base = unique('t')
    await one.node.want(`${base}/#`)
    for (const topic of TOPICS) await publish(one, `${base}/${topic}`, topic.slice(0, 20))
    await publish(one, base, 'the parent level')
    await settled(one)
    const came = one.entries.map(({ message: { topic } }) => topic).sort()
    assert.deepEqual(came, [base, ...TOPICS.map(topic => `${base}/${topic}`)].sort())
    for (const topic of TOPICS) {
      const found = await all(one.node.read([`${base}/${topic}`], await startOf(one)))
      assert.ok(
        found.some(entry => entry.message.topic === `${base}/${topic}`),
        topic.slice(0, 20),
      )
    }
  })

  harness.test('a message comes with all that it has', async nodes => {
    const one = await nodes.join()
    const topic = unique('t')
    await one.node.want(topic)
    const properties = {
      contentType: 'x',
      correlationData: Buffer.from([0, 255, 7]),
      userProperties: { a: 'b', c: ['d', 'e'] },
      messageExpiryInterval: 60,
      responseTopic: 'r',
    }
    const sent = message(topic, 'x'.repeat(100_000), { qos: 2, properties, messageExpiry: Date.now() + 60_000 })
    await one.node.write(undefined, { message: sent })
    await one.node.write(undefined, { message: message(topic, '', { clientId: undefined }) })
    await until(() => one.entries.length === 2)
    const [full, empty] = one.entries.map(entry => entry.message).sort((a, b) => b.payload.length - a.payload.length)
    assert.deepEqual({ ...full, payload: full!.payload.length }, { ...sent, payload: 100_000 })
    assert.deepEqual([empty!.payload.length, empty!.properties, empty!.clientId], [0, undefined, undefined])
  })

  harness.test('reading finds what was acknowledged, on every node, at once', async nodes => {
    const [one, other] = (await nodes.many(2)) as [TestNode, TestNode]
    const topic = unique('t')
    const start = await one.node.ends()
    for (let i = 0; i < 20; i++) {
      await publish(one, `${topic}/${i % 3}`, String(i))
      const found = await all(other.node.read([`${topic}/#`, `${topic}/1`], start))
      assert.deepEqual(
        payloads(wanted(found, topic)),
        Array.from({ length: i + 1 }, (_, k) => String(k)),
      )
    }
  })

  harness.test('reading goes on behind a place', async nodes => {
    const one = await nodes.join()
    const topic = unique('t')
    await publish(one, topic, 'before')
    const after = await one.node.ends()
    await publish(one, topic, 'one', 'two')
    const found = wanted(await all(one.node.read([topic], after)), topic)
    assert.deepEqual(payloads(found), ['one', 'two'])
    const { shard, sequence } = found[0]!.position
    const next = after.map((end, index) => (index === shard ? sequence : end))
    assert.deepEqual(payloads(wanted(await all(one.node.read([topic], next)), topic)), ['two'])
    assert.deepEqual(wanted(await all(one.node.read([topic], await one.node.ends())), topic), [])
    assert.deepEqual(payloads(wanted(await all(one.node.read([topic], after, next)), topic)), ['one'])
    assert.equal((await one.node.entry({ shard, sequence }))?.message.payload.toString(), 'one')
    assert.equal(await one.node.entry({ shard, sequence: 1_000_000_000 }), undefined)
  })

  harness.test('all that is written after a filter was wanted comes, and has a later place', async nodes => {
    const [one, other] = (await nodes.many(2)) as [TestNode, TestNode]
    for (let i = 0; i < 20; i++) {
      const topic = unique('t')
      const cursor = await other.node.want(topic)
      await publish(one, topic, 'now')
      await until(() => other.entries.length === i + 1)
      const { shard, sequence } = other.entries[i]!.position
      assert.ok(sequence > cursor[shard]!)
    }
  })

  harness.test('a node that wants more goes on without a gap', async nodes => {
    const [one, other] = (await nodes.many(2)) as [TestNode, TestNode]
    const topic = unique('t')
    await other.node.want(topic)
    const writes: Promise<unknown>[] = []
    const wants: Promise<unknown>[] = []
    for (let i = 0; i < 500; i++) {
      writes.push(one.node.write(undefined, { message: message(topic, String(i)) }))
      if (i % 50 === 0) wants.push(other.node.want(unique('more')))
      if (i % 10 === 0) await new Promise(setImmediate)
    }
    await Promise.all([...writes, ...wants])
    await until(() => other.entries.length >= 500)
    assert.deepEqual(
      payloads(other.entries),
      Array.from({ length: 500 }, (_, i) => String(i)),
    )
  })

  harness.test('a shard waits for who takes its time', async nodes => {
    const one = await nodes.join()
    const topic = unique('t')
    await one.node.want(topic)
    let release = () => {}
    one.onMessage = () => new Promise(resolve => (release = resolve))
    await publish(one, topic, 'one', 'two')
    await until(() => one.entries.length === 1)
    await new Promise(resolve => setTimeout(resolve, 30))
    assert.equal(one.entries.length, 1)
    one.onMessage = () => undefined
    release()
    await until(() => one.entries.length === 2)
  })

  harness.test('QoS 0 reaches the other nodes that want it, once', async nodes => {
    const [one, other, third] = (await nodes.many(3)) as [TestNode, TestNode, TestNode]
    const topic = unique('t')
    for (const filter of [`${topic}/#`, `${topic}/a`]) {
      await one.node.want(filter)
      await other.node.want(filter)
    }
    // until the interest has spread, QoS 0 may be lost
    await until(async () => {
      one.node.signal(message(`${topic}/a`, 'ping', { qos: 0 }))
      await new Promise(resolve => setTimeout(resolve, 10))
      return other.signals.length > 0
    })
    other.signals.length = 0
    for (let i = 0; i < 100; i++) one.node.signal(message(`${topic}/a`, String(i), { qos: 0 }))
    await until(() => other.signals.at(-1)?.payload.toString() === '99')
    const came = other.signals.map(({ payload }) => payload.toString()).filter(text => text !== 'ping')
    assert.deepEqual(
      came,
      Array.from({ length: 100 }, (_, i) => String(i)),
    )
    assert.deepEqual([one.signals, third.signals], [[], []])
  })
}

/** Removes messages that an engine delivers in addition to the requested ones. */
function wanted<T extends { message: { topic: string } }>(entries: T[], topic: string): T[] {
  return entries.filter(entry => entry.message.topic === topic || entry.message.topic.startsWith(`${topic}/`))
}

function startOf({ node }: TestNode): Promise<LogCursor> {
  return node.begins()
}
