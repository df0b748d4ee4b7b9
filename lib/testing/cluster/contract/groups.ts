/** The contract of shared subscriptions: each message goes to one node, and none is lost if a node fails. */
import assert from 'node:assert/strict'
import type { HeldEntry } from '../../../../types/cluster.js'
import { type Harness, message, type TestNode, unique, until } from './harness.js'

/** Publishes numbers, by many clients. */
async function publish({ node }: TestNode, topic: string, count: number): Promise<string[]> {
  const texts = Array.from({ length: count }, (_, i) => String(i))
  await Promise.all(
    texts.map((text, i) =>
      node.write(undefined, { message: message(topic, text, { clientId: `publisher-${i % 9}` }) }),
    ),
  )
  return texts
}

function textOf(entry: HeldEntry): string {
  return entry.message.payload.toString()
}

/** Defines them. */
export function defineGroupTests(harness: Harness): void {
  harness.test('each message of a group goes to one node', async nodes => {
    const all = (await nodes.many(3)) as [TestNode, TestNode, TestNode]
    const topic = unique('t')
    const came: string[] = []
    const by = new Set<TestNode>()
    for (const one of all) {
      await one.node.joinGroup(`$share/group/${topic}/+`, entry => {
        came.push(textOf(entry))
        by.add(one)
        setTimeout(entry.done, 1)
      })
    }
    const texts = await publish(all[0], `${topic}/x`, 300)
    await until(() => came.length >= texts.length)
    assert.deepEqual(
      came.map(Number).sort((a, b) => a - b),
      texts.map(Number),
    )
    assert.ok(by.size > 1)
  })

  harness.test('what one gives back another gets', async nodes => {
    const [one, other] = (await nodes.many(2)) as [TestNode, TestNode]
    const topic = unique('t')
    const came: string[] = []
    await one.node.joinGroup(`$share/group/${topic}`, entry => entry.giveBack())
    await other.node.joinGroup(`$share/group/${topic}`, entry => {
      came.push(textOf(entry))
      entry.done()
    })
    const texts = await publish(one, topic, 50)
    await until(() => came.length >= texts.length)
    assert.equal(new Set(came).size, texts.length)
  })

  harness.test('what a node held that leaves, others get', async nodes => {
    const [one, other] = (await nodes.many(2)) as [TestNode, TestNode]
    const topic = unique('t')
    const held: HeldEntry[] = []
    const leaving = await one.node.joinGroup(`$share/group/${topic}`, entry => held.push(entry))
    const texts = await publish(one, topic, 20)
    await until(() => held.length === texts.length)
    const came: string[] = []
    await other.node.joinGroup(`$share/group/${topic}`, entry => {
      came.push(textOf(entry))
      entry.done()
    })
    await leaving.leave()
    await until(() => came.length >= texts.length)
    assert.equal(new Set(came).size, texts.length)
  })

  harness.test('a group gets nothing of before it was there, and groups do not know each other', async nodes => {
    const one = await nodes.join()
    const topic = unique('t')
    await publish(one, topic, 3)
    const came: string[] = []
    for (const name of ['a', 'b']) {
      await one.node.joinGroup(`$share/${name}/${topic}`, entry => {
        came.push(name + textOf(entry))
        entry.done()
      })
    }
    await publish(one, topic, 2)
    await until(() => came.length >= 4)
    assert.deepEqual(came.sort(), ['a0', 'a1', 'b0', 'b1'])
  })

  harness.test('QoS 0 of a group goes to one node', async nodes => {
    const all = (await nodes.many(2)) as [TestNode, TestNode]
    const topic = unique('t')
    const came: string[] = []
    for (const { node } of all) await node.joinGroup(`$share/group/${topic}`, entry => came.push(textOf(entry)))
    await until(async () => {
      all[0].node.signal(message(topic, 'ping', { qos: 0 }))
      await new Promise(resolve => setTimeout(resolve, 10))
      return came.length > 0
    })
    for (let i = 0; i < 100; i++) all[1].node.signal(message(topic, String(i), { qos: 0 }))
    // on a busy machine the first ones may arrive as late as these
    const numbers = () => came.filter(text => text !== 'ping')
    await until(() => numbers().length >= 100)
    assert.equal(new Set(numbers()).size, 100)
  })
}
