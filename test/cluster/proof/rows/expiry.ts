/** Row 6: sessions expire on time, on whichever node, and none expires while its client uses it. */
import assert from 'node:assert/strict'
import { client, pause, publishAll, storedClient, texts, until, type World } from '../world/world.js'

/**
 * Sessions of a node that dies: of clients that are already disconnected, and of one that was connected.
 * @returns milliseconds after its deadline until the last session of a disconnected client ended
 */
export async function expiryAfterDeath(world: World, seconds: number): Promise<number> {
  const publisher = await client(world, 1, 'expiry-publisher')
  const short = { properties: { sessionExpiryInterval: seconds } }
  const claimed = await world.claims(0)
  const away = await Promise.all([0, 1, 2].map(i => storedClient(world, 0, `away${i}`, short)))
  for (const one of away) await one.subscribeAsync('expiry', { qos: 1 })
  const connected = await storedClient(world, 0, 'was-connected', short)
  await Promise.all(away.map(one => one.endAsync()))
  const left = performance.now()
  await publishAll(publisher, 'expiry', ['for nobody'])
  // a node that is killed before it has written that its clients left counts as having had them until then
  while ((await world.claims(0)) > claimed + 1) await pause(5)
  await world.kill(0)
  const ended = (clientId: string) =>
    world.events.filter(({ name, args }) => name === 'sessionEnded' && args[0] === clientId)
  await until(
    () => ['away0', 'away1', 'away2', 'was-connected'].every(clientId => ended(clientId).length > 0),
    'the ends of the sessions',
    world.leaseMs + 1000 * seconds + 30_000,
  )
  const late = Math.max(...away.map((_, i) => ended(`away${i}`)[0]!.at)) - left - seconds * 1000
  for (const clientId of ['away0', 'was-connected']) assert.equal(ended(clientId).length, 1)
  const again = await storedClient(world, 2, 'away0', short)
  const received = texts(again)
  await again.subscribeAsync('expiry', { qos: 1 })
  await publishAll(publisher, 'expiry', ['anew'])
  await until(() => received.length > 0, 'the message')
  assert.deepEqual(received, ['anew'])
  connected.end(true)
  await Promise.all([again.endAsync(), publisher.endAsync()])
  await world.restart(0)
  return Math.round(late)
}

/**
 * Clients whose sessions end a second after they left move from node to node; none of the sessions ends while its client is
 * there, or away for less than that.
 * @returns how many clients a busy machine kept away for longer, so that their sessions could end
 */
export async function movesAlive(world: World, clients: number, moves: number): Promise<number> {
  const before = world.events.length
  const late = new Set<string>()
  const wander = async (i: number) => {
    const clientId = `wanderer${i}`
    let leftAt: number | undefined
    for (let move = 0; move < moves; move++) {
      // a client that is taken over counts as disconnected while its CONNECT waits
      const awayFrom = leftAt ?? performance.now()
      const one = await client(world, (i + move) % 3, clientId, {
        clean: false,
        properties: { sessionExpiryInterval: 1 },
      })
      if (performance.now() - awayFrom >= 1000) late.add(clientId)
      leftAt = undefined
      // some disconnect and reconnect, others are taken over
      if (move % 2 === 0 && move < moves - 1) {
        leftAt = performance.now()
        await one.endAsync()
      }
      await pause((i * 7 + move * 13) % 40)
    }
  }
  await Promise.all(Array.from({ length: clients }, (_, i) => wander(i)))
  const ended = world.events
    .slice(before)
    .filter(({ name, args }) => name === 'sessionEnded' && args[0]!.startsWith('wanderer') && !late.has(args[0]!))
  assert.deepEqual(ended, [])
  return late.size
}
