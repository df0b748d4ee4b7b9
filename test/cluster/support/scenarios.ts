/** How several nodes have to behave together, with any engine: the tests are the same for all. */
import assert from 'node:assert/strict'
import type { MqttClient } from 'mqtt'
import type { Cluster } from '../../../types/cluster.js'
import { numbers, receivedBy, type TestNode, until, withNodes } from './nodes.js'

/** An engine for one test. */
export interface ScenarioOptions {
  test: (name: string, body: () => Promise<void>) => unknown
  /** A cluster without nodes. */
  engine: () => Promise<Cluster>
  /** Messages of each kind. */
  count: number
}

type Three = [TestNode, TestNode, TestNode]

/** Publishes in this order, with no more in progress than a broker accepts. */
async function publishAll(client: MqttClient, topic: string, texts: string[], qos: 0 | 1 | 2): Promise<void> {
  for (let i = 0; i < texts.length; i += 50) {
    await Promise.all(texts.slice(i, i + 50).map(text => client.publishAsync(topic, text, { qos })))
  }
}

/** Defines them. */
export function defineScenarios({ test, engine, count }: ScenarioOptions): void {
  const scenario = (name: string, body: (...nodes: Three) => Promise<void>) =>
    test(name, async () => {
      await withNodes(await engine(), 3, async (...nodes) => {
        await body(...(nodes as Three))
        assert.deepEqual(
          nodes.flatMap(({ errors }) => errors),
          [],
        )
      })
    })

  for (const qos of [0, 1, 2] as const) {
    for (const kind of ['clean', 'stored'] as const) {
      scenario(`QoS ${qos} reaches ${kind} sessions on every node, once and in order`, async (...nodes) => {
        const received: string[][] = []
        for (const [index, node] of nodes.entries()) {
          const client = await (kind === 'clean' ? node.connect(`sub${index}`) : node.connectStored(`sub${index}`))
          await client.subscribeAsync('t/#', { qos: 2 })
          received.push(receivedBy(client))
        }
        const publisher = await nodes[0].connect('pub')
        const texts = numbers(count)
        await publishAll(publisher, 't/a', texts, qos)
        await until(
          () => received.every(list => list.length >= count),
          () => received.map(list => list.length).join(),
        )
        for (const list of received) assert.deepEqual(list, texts)
      })
    }
  }

  scenario(
    'a stored session that moves to another node gets the messages published while it was disconnected',
    async (one, other, third) => {
      const first = await one.connectStored('mover')
      await first.subscribeAsync('t/+', { qos: 2 })
      await first.endAsync()
      const publisher = await other.connect('pub')
      // a queue holds 1000
      const texts = numbers(count - 1)
      await publishAll(publisher, 't/a', texts, 1)
      await publishAll(publisher, 't/b', ['last'], 2)
      await publisher.publishAsync('t/c', 'QoS 0 is not for those who are away')
      const received = receivedBy(await third.connectStored('mover'))
      await until(
        () => received.length >= count,
        () => String(received.length),
      )
      assert.deepEqual(received, [...texts, 'last'])
    },
  )

  scenario('a client that connects to another node is taken over, with its session', async (one, other) => {
    const first = await one.connectStored('taken')
    await first.subscribeAsync('t', { qos: 1 })
    const told: (number | undefined)[] = []
    first.on('disconnect', ({ reasonCode }) => told.push(reasonCode))
    const closed = new Promise(resolve => first.once('close', () => resolve(undefined)))
    const second = await other.connectStored('taken')
    await closed
    assert.deepEqual(told, [0x8e])
    const received = receivedBy(second)
    const publisher = await one.connect('pub')
    await publisher.publishAsync('t', 'hello', { qos: 1 })
    await until(() => received.length > 0, 'the message')
    assert.deepEqual([one.broker.connectedClients, other.broker.connectedClients], [1, 1])
  })

  scenario('retained messages are the same on every node', async (one, other, third) => {
    const publisher = await one.connect('pub')
    for (const qos of [0, 1, 2] as const) await publisher.publishAsync(`r/${qos}`, `kept ${qos}`, { qos, retain: true })
    await publisher.publishAsync('r/gone', 'x', { qos: 1, retain: true })
    const clearing = await other.connect('clear')
    await clearing.publishAsync('r/gone', '', { qos: 1, retain: true })
    const subscriber = await third.connect('sub')
    const received = receivedBy(subscriber)
    await subscriber.subscribeAsync('r/+', { qos: 2 })
    await until(() => received.length >= 3, 'the retained messages')
    assert.deepEqual(received.sort(), ['kept 0', 'kept 1', 'kept 2'])
  })

  scenario('a will is published once, whichever node its client was on', async (one, other) => {
    const subscriber = await other.connect('sub')
    await subscriber.subscribeAsync('will/#', { qos: 1 })
    const received = receivedBy(subscriber)
    const will = (text: string) => ({ will: { topic: `will/${text}`, payload: Buffer.from(text), qos: 1 as const } })
    const left = await one.connect('left', will('left'))
    await left.endAsync()
    await one.connect('broken', will('broken'))
    const taken = await one.connect('taken', will('taken'))
    await other.connect('taken')
    one.breakConnections()
    await until(() => received.length >= 2, 'the wills')
    taken.end(true)
    await new Promise(resolve => setTimeout(resolve, 100))
    assert.deepEqual(received.sort(), ['broken', 'taken'])
  })

  scenario('a session expires on time, on whichever node', async (one, other, third) => {
    const client = await one.connect('short', { clean: false, properties: { sessionExpiryInterval: 1 } })
    await client.subscribeAsync('t', { qos: 1 })
    const ended: string[] = []
    for (const { broker } of [one, other, third]) broker.on('sessionEnded', (id, why) => ended.push(`${id} ${why}`))
    await client.endAsync()
    await until(() => ended.length > 0, 'the end of the session')
    assert.deepEqual(ended, ['short expired'])
    const again = await other.connectStored('short')
    const publisher = await one.connect('pub')
    const received = receivedBy(again)
    await publisher.publishAsync('t', 'for nobody', { qos: 1 })
    await again.subscribeAsync('t', { qos: 1 })
    await publisher.publishAsync('t', 'hello', { qos: 1 })
    await until(() => received.length > 0, 'the message')
    assert.deepEqual(received, ['hello'])
  })

  for (const qos of [0, 1, 2] as const) {
    scenario(`a shared subscription over all nodes gets each message once, QoS ${qos}`, async (...nodes) => {
      const received: string[] = []
      const by = new Set<string>()
      for (const [index, node] of nodes.entries()) {
        const client = await (index === 0 ? node.connectStored(`m${index}`) : node.connect(`m${index}`))
        await client.subscribeAsync('$share/group/s/#', { qos })
        client.on('message', (_, payload) => {
          received.push(payload.toString())
          by.add(client.options.clientId!)
        })
      }
      const publisher = await nodes[1].connect('pub')
      if (qos === 0) await settle(publisher, received)
      const texts = numbers(count)
      await publishAll(publisher, 's/a', texts, qos)
      await until(
        () => received.length >= count,
        () => String(received.length),
      )
      await new Promise(resolve => setTimeout(resolve, 50))
      assert.deepEqual(received.sort(), texts.sort())
      if (count >= 100) assert.ok(by.size > 1, 'more than one member')
    })
  }

  scenario('unfinished messages of a shared subscription member go to another member', async (one, other, third) => {
    const silent = await one.connect('silent', { customHandleAcks: () => {} } as never)
    await silent.subscribeAsync('$share/group/s', { qos: 1 })
    const publisher = await third.connect('pub')
    const held = receivedBy(silent)
    silent.handleMessage = () => {}
    const texts = numbers(10)
    await publishAll(publisher, 's', texts, 1)
    await until(() => held.length > 0 || one.broker.connectedClients === 1, 'a message')
    const helper = await other.connect('helper')
    const received = receivedBy(helper)
    await helper.subscribeAsync('$share/group/s', { qos: 1 })
    one.breakConnections()
    await until(
      () => received.length >= texts.length,
      () => received.join(),
    )
    assert.deepEqual(new Set(received), new Set(texts))
  })

  scenario('the applications of all nodes publish and receive', async (one, other) => {
    const heard: string[] = []
    await other.broker.subscribe('app/#', ({ payload }) => {
      heard.push(payload.toString())
    })
    await one.broker.publish({ topic: 'app/a', payload: 'one', qos: 1 })
    await until(() => heard.length > 0, 'the message')
    assert.equal(one.broker.cluster?.nodes.length, 3)
  })
}

/** QoS 0 messages are lost until all nodes know the subscription. */
async function settle(publisher: MqttClient, received: string[]): Promise<void> {
  while (received.length === 0) {
    await publisher.publishAsync('s/ready', 'ready')
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  await new Promise(resolve => setTimeout(resolve, 50))
  received.length = 0
}
