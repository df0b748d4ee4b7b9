/** Row 4: the wills of the clients of a killed node are published once, and never after DISCONNECT. */
import assert from 'node:assert/strict'
import { pause, storedClient, tally, texts, until, type World } from '../world/world.js'

const CLIENTS = 20

/** @returns the longest time from the death to the last will, without its delay, in milliseconds */
export async function wills(world: World, kills: number): Promise<number> {
  let longest = 0
  for (let kill = 0; kill < kills; kill++) {
    const victim = kill % 3
    const witness = await storedClient(world, (victim + 1) % 3, 'will-witness')
    await witness.subscribeAsync('will/#', { qos: 2 })
    const published = texts(witness)
    const clients = await Promise.all(
      Array.from({ length: CLIENTS }, (_, i) =>
        storedClient(world, victim, `mortal${kill}-${i}`, {
          clean: i % 2 === 0,
          properties: { sessionExpiryInterval: i % 2 === 0 ? 0 : 30 },
          will: {
            topic: `will/${kill}`,
            payload: Buffer.from(String(i)),
            qos: (i % 3) as 0 | 1 | 2,
            properties: { willDelayInterval: i % 4 === 1 ? 1 : 0 },
          },
        }),
      ),
    )
    const leaving = clients.filter((_, i) => i % 5 === 0)
    await Promise.all(leaving.map(one => one.endAsync()))
    // a client cannot know when its DISCONNECT has arrived
    while ((await world.claims(victim)) > clients.length - leaving.length) await pause(5)
    const expected = clients.map((_, i) => String(i)).filter((_, i) => i % 5 !== 0)
    const closed = clients
      .filter((_, i) => i % 5 !== 0)
      .map(one => new Promise(resolve => one.once('close', () => resolve(undefined))))
    const died = performance.now()
    await world.kill(victim)
    await Promise.all(closed)
    await until(
      () => published.length >= expected.length,
      () => `wills of kill ${kill}: ${published.length} of ${expected.length}`,
      world.leaseMs + 30_000,
    )
    longest = Math.max(longest, performance.now() - died - 1000)
    await pause(50)
    await world.restart(victim)
    // a node that starts again must not publish them again
    await pause(100)
    const counts = [...tally(published)].sort()
    assert.deepEqual(counts, expected.map(text => [text, 1]).sort())
    await witness.endAsync()
  }
  return Math.round(longest)
}
