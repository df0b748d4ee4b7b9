/** Row 11: acknowledged messages of a burst reach every healthy subscriber on other nodes. */
import assert from 'node:assert/strict'
import { client, numbers, publishAll, storedClient, texts, until, type World } from '../world/world.js'

/** @returns messages per second */
export async function burst(world: World, count: number): Promise<number> {
  const before = world.events.length
  const subscribers = [
    await client(world, 1, 'burst-clean'),
    await storedClient(world, 1, 'burst-stored'),
    await client(world, 2, 'burst-other'),
  ]
  for (const one of subscribers) await one.subscribeAsync('burst/#', { qos: 1 })
  const received = subscribers.map(texts)
  const publishers = await Promise.all([0, 1, 2, 3].map(i => client(world, 0, `burst${i}`)))
  const began = performance.now()
  const share = count / publishers.length
  await Promise.all(publishers.map((one, i) => publishAll(one, `burst/${i}`, numbers(share, i * share), 1, 1000)))
  await until(
    () => received.every(list => list.length >= count),
    () => received.map(list => list.length).join(),
    300_000,
  )
  const seconds = (performance.now() - began) / 1000
  const drops = world.events.slice(before).filter(({ name }) => name === 'drop')
  assert.deepEqual(drops, [])
  for (const list of received) assert.equal(new Set(list).size, count)
  await Promise.all([...subscribers, ...publishers].map(one => one.endAsync()))
  return Math.round(count / seconds)
}
