/** The contract of retained messages: the latest one of each topic, whoever published it. */
import assert from 'node:assert/strict'
import { all, type Harness, message, type TestNode, unique, until } from './harness.js'

async function retain({ node }: TestNode, topic: string, text: string, clientId = 'publisher'): Promise<void> {
  await node.write(undefined, { message: message(topic, text, { retain: true, clientId }) })
}

async function found({ node }: TestNode, ...filters: string[]): Promise<string[]> {
  return (await all(node.retained(filters))).map(({ topic, payload }) => `${topic}=${payload}`).sort()
}

/** Defines them. */
export function defineRetainedTests(harness: Harness): void {
  harness.test('a retained message is found on every node as soon as it is acknowledged', async nodes => {
    const [one, other] = (await nodes.many(2)) as [TestNode, TestNode]
    const topic = unique('t')
    for (let i = 0; i < 15; i++) {
      await retain(one, `${topic}/a`, String(i))
      assert.deepEqual(await found(other, `${topic}/+`, `${topic}/#`), [`${topic}/a=${i}`])
    }
  })

  harness.test('one that is not retained replaces nothing, and both are messages of the log', async nodes => {
    const one = await nodes.join()
    const topic = unique('t')
    await one.node.want(topic)
    await retain(one, topic, 'kept')
    await one.node.write(undefined, { message: message(topic, 'passing') })
    assert.deepEqual(await found(one, topic), [`${topic}=kept`])
    await until(() => one.entries.length === 2)
    assert.deepEqual(
      one.entries.map(entry => entry.message.retain),
      [true, false],
    )
  })

  harness.test('the newest counts, whichever publisher it has; an empty one takes it away', async nodes => {
    const [one, other] = (await nodes.many(2)) as [TestNode, TestNode]
    const topic = unique('t')
    for (let i = 0; i < 12; i++) {
      await retain(i % 2 === 0 ? one : other, topic, String(i), `publisher-${i}`)
      assert.deepEqual(await found(one, topic), [`${topic}=${i}`])
    }
    await retain(one, topic, '', 'somebody else')
    assert.deepEqual(await found(other, topic), [])
    await new Promise(resolve => setTimeout(resolve, 50))
    assert.deepEqual(await found(other, topic), [])
    await retain(other, topic, 'again', 'publisher-3')
    assert.deepEqual(await found(one, topic), [`${topic}=again`])
  })

  harness.test('filters choose topics', async nodes => {
    const one = await nodes.join()
    const base = unique('t')
    for (const topic of ['', '/a', '/a/b', '/c']) await retain(one, base + topic, 'x')
    const matching = async (filter: string) => (await found(one, base + filter)).map(text => text.slice(base.length))
    assert.deepEqual(await matching('/#'), ['/a/b=x', '/a=x', '/c=x', '=x'])
    assert.deepEqual(await matching('/+'), ['/a=x', '/c=x'])
    assert.deepEqual(await matching('/a/b'), ['/a/b=x'])
    assert.deepEqual(await matching('/d'), [])
  })

  harness.test('a wildcard finds no topic that begins with $, and a long topic only where it matches', async nodes => {
    const one = await nodes.join()
    const [base, long] = [unique('t'), 'long'.repeat(2000)]
    for (const topic of [`$SYS/${base}`, `${base}/${long}`, `other/${base}/${long}`]) await retain(one, topic, 'x')
    assert.deepEqual(await found(one, `+/${base}`), [])
    assert.ok((await found(one, '#')).every(text => !text.startsWith('$')))
    assert.deepEqual(await found(one, `$SYS/${base}`), [`$SYS/${base}=x`])
    assert.deepEqual(await found(one, `${base}/#`), [`${base}/${long}=x`])
  })

  harness.test('there may be thousands', async nodes => {
    const one = await nodes.join()
    const base = unique('t')
    const writes: Promise<void>[] = []
    for (let i = 0; i < 3000; i++) writes.push(retain(one, `${base}/${i}/${i % 30}`, 'x', `publisher-${i % 7}`))
    await Promise.all(writes)
    assert.equal((await found(one, `${base}/#`)).length, 3000)
    assert.equal((await found(one, `${base}/+/7`)).length, 100)
  })

  harness.test('a retained message that has expired is gone', async nodes => {
    const one = await nodes.join()
    const topic = unique('t')
    const expiring = message(topic, 'short', { retain: true, messageExpiry: Date.now() + 300 })
    await one.node.write(undefined, { message: expiring })
    await until(async () => (await found(one, topic)).length === 0)
  })
}
