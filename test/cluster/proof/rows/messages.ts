/** Row 1: every kind of message reaches every kind of session on every node, once and in order. */
import assert from 'node:assert/strict'
import { client, numbers, publishAll, storedClient, texts, until, type World } from '../world/world.js'

export async function messages(world: World, count: number): Promise<void> {
  for (const qos of [0, 1, 2] as const) {
    for (const make of [client, storedClient]) {
      const topic = `messages/${qos}/${make.name}`
      const subscribers = await Promise.all([0, 1, 2].map(node => make(world, node, `subscriber${node}`)))
      for (const one of subscribers) await one.subscribeAsync(topic, { qos: 2 })
      const received = subscribers.map(texts)
      const publisher = await client(world, 0, 'publisher')
      if (qos === 0) await warmUp(publisher, topic, received)
      await publishAll(publisher, topic, numbers(count), qos)
      const counts = () => received.map(list => list.length).join()
      await until(() => received.every(list => list.length >= count), counts)
      for (const list of received) assert.deepEqual(list, numbers(count))
      await Promise.all([...subscribers, publisher].map(one => one.endAsync()))
    }
  }
}

/** QoS 0 messages are lost until all servers know the subscriptions. */
async function warmUp(publisher: Awaited<ReturnType<typeof client>>, topic: string, received: string[][]) {
  while (received.some(list => list.length === 0)) {
    await publisher.publishAsync(topic, 'first')
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  await new Promise(resolve => setTimeout(resolve, 200))
  for (const list of received) list.length = 0
}
