/** Row 5: a shared subscription over three nodes is one group, even if a member or its node is killed. */
import assert from 'node:assert/strict'
import type { MqttClient } from 'mqtt'
import { client, numbers, publishAll, tally, until, type World } from '../world/world.js'

const FILTER = '$share/group/shared/#'

async function members(world: World, received: string[]): Promise<MqttClient[]> {
  return Promise.all(
    [0, 1, 2].map(async node => {
      const one = await client(world, node, `member${node}`)
      one.on('message', (_topic, payload) => received.push(payload.toString()))
      await one.subscribeAsync(FILTER, { qos: 1 })
      return one
    }),
  )
}

/** Each message goes to one member. */
export async function sharedOnce(world: World, count: number): Promise<void> {
  const received: string[] = []
  const all = await members(world, received)
  const publisher = await client(world, 1, 'shared-publisher')
  await publishAll(publisher, 'shared/a', numbers(count))
  await until(
    () => received.length >= count,
    () => `${received.length} of ${count}`,
  )
  assert.deepEqual(tally(received), tally(numbers(count)))
  await Promise.all([...all, publisher].map(one => one.endAsync()))
}

/** A member is killed, then a node with another member: the third gets their messages. @returns duplicate messages */
export async function sharedSurvives(world: World, count: number): Promise<number> {
  const received: string[] = []
  const all = await members(world, received)
  const publisher = await client(world, 2, 'shared-publisher')
  const publishing = publishAll(publisher, 'shared/b', numbers(count))
  await until(() => received.length > count / 4, 'a quarter')
  all[0]!.stream.destroy()
  await until(() => received.length > count / 2, 'a half')
  await world.kill(1)
  await publishing
  const different = () => new Set(received).size
  await until(
    () => different() >= count,
    () => `${different()} of ${count}`,
    world.leaseMs + 60_000,
  )
  await world.restart(1)
  await Promise.all([all[2]!, publisher].map(one => one.endAsync()))
  return received.length - count
}
