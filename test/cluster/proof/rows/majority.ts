/** Row 8: while two of three servers are gone, nothing is acknowledged, nothing is lost, and QoS 0 within a node works. */
import assert from 'node:assert/strict'
import type { ProcessWorld } from '../world/processes.js'
import { client, pause, storedClient, texts, until } from '../world/world.js'

/**
 * @returns milliseconds from the return of the servers to the first acknowledgement, and to the last; leases that were
 * lost, and messages that came twice
 */
export async function majority(world: ProcessWorld, downMs: number): Promise<unknown> {
  const before = world.events.length
  // without the second one, MQTT.js gives up when it is refused
  const comesBack = { reconnectPeriod: 500, reconnectOnConnackError: true }
  const stored = await storedClient(world, 1, 'majority-stored', comesBack)
  await stored.subscribeAsync('majority/logged', { qos: 2 })
  const received = texts(stored)
  const neighbour = await client(world, 0, 'majority-neighbour')
  await neighbour.subscribeAsync('majority/q0', { qos: 0 })
  const heard = texts(neighbour)
  const publisher = await storedClient(world, 0, 'majority-publisher', comesBack)
  const talker = await client(world, 0, 'majority-talker')
  await publisher.publishAsync('majority/logged', 'before', { qos: 1 })
  world.servers.kill(0)
  world.servers.kill(1)
  await pause(200)
  const acknowledged: string[] = []
  const expected = ['before']
  for (let i = 0; i < 40; i++) {
    const text = String(i)
    expected.push(text)
    publisher.publishAsync('majority/logged', text, { qos: ((i % 2) + 1) as 1 | 2 }).then(
      () => acknowledged.push(text),
      () => {},
    )
  }
  const end = performance.now() + downMs
  let q0 = 0
  while (performance.now() < end) {
    await talker.publishAsync('majority/q0', String(q0++))
    await pause(100)
  }
  assert.deepEqual(acknowledged, [])
  await until(
    () => heard.length >= q0,
    () => `QoS 0: ${heard.length} of ${q0}`,
  )
  await Promise.all([world.servers.restart(0), world.servers.restart(1)])
  const back = performance.now()
  await until(() => acknowledged.length > 0, 'the first acknowledgement')
  const firstMs = Math.round(performance.now() - back)
  await until(
    () => acknowledged.length === 40,
    () => `${acknowledged.length} acknowledged`,
  )
  const lastMs = Math.round(performance.now() - back)
  await until(
    () => new Set(received).size === expected.length,
    () => received.join(),
  )
  assert.deepEqual(new Set(received), new Set(expected))
  // a node that has left must not continue with its old state
  const settled = world.events.length
  await pause(3000)
  assert.deepEqual(
    world.events.slice(settled).filter(({ name }) => name === 'storeError'),
    [],
  )
  const twice = received.length - expected.length
  const leases = world.events.slice(before).filter(({ name }) => name === 'leaseLost').length
  await Promise.all([stored, neighbour, publisher, talker].map(one => one.endAsync(true)))
  assert.ok(lastMs <= 10_000, `works again after ${lastMs} ms`)
  return { firstMs, lastMs, q0, twice, leases }
}
