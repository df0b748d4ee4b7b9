/**
 * Tests for every module of anax/auth: permissions are revoked, for a topic or for everything. Owns the client that
 * loses them and those that keep theirs; how a module revokes them is up to the scene.
 */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Auth } from '../../../lib/auth/index.js'
import { type Broker, createBroker } from '../../../lib/index.js'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import type { ConnectPacket, PublishPacket } from '../../../types/message/packets.js'
import type { SpecClient } from '../clients/spec-client.js'

/** A module with two users: alice, whose permissions are revoked, and root. Both may use every topic at first. */
export interface Scene {
  auth: Auth
  /** Connects as alice. */
  alice(broker: Broker, packet: Partial<ConnectPacket>): Promise<SpecClient>
  /** Connects as root. */
  root(broker: Broker, packet: Partial<ConnectPacket>): Promise<SpecClient>
  /**
   * Revokes the topic `secret` for alice.
   * @param present connected clients of alice
   */
  narrow?(present: readonly SpecClient[]): Promise<unknown>
  /** Removes the user alice. */
  remove?(): Promise<unknown>
  /** Whether the module grants every subscription and checks deliveries. */
  grantsAll?: true
  /** Whether each connection has its own permissions, which apply to its will as well. */
  keepsWills?: true
  close?(): unknown
}

const payload = Buffer.from('x')
const LATER = { sessionExpiryInterval: 1000 }
const at = (topic: string) => ({ topic, qos: 1 as const })
const message = (topic: string): Pick<PublishPacket, 'topic'> & Partial<PublishPacket> => ({ topic, qos: 1, payload })

/** A will that is published 10 seconds after its client disconnected. */
const will = (topic: string, willDelayInterval = 10) => ({
  will: { topic, payload, qos: 0 as const, retain: false, properties: { willDelayInterval } },
})

/** Topics of the messages among the received packets. */
async function topicsOf(client: SpecClient): Promise<string[]> {
  return (await client.settle()).flatMap(packet => (packet.cmd === 'publish' ? [packet.topic] : []))
}

/** Breaks the connection, and waits until the broker notices. */
async function leave(broker: Broker, client: SpecClient): Promise<void> {
  const left = new Promise<unknown>(resolve => broker.once('clientDisconnect', resolve))
  await client.drop()
  await left
}

async function inScene(make: (clock: FakeClock) => Promise<Scene>, body: (stage: Stage) => Promise<void>) {
  const clock = new FakeClock(Date.now())
  const scene = await make(clock)
  const broker = await createBroker({ ...scene.auth, clock })
  const drops: string[] = []
  broker.on('drop', ({ reason, message: { topic }, clientId }) => drops.push(`${clientId} ${reason} ${topic}`))
  const failed: unknown[] = []
  scene.auth.on('failed', error => failed.push(error))
  try {
    await body({ scene, broker, clock, drops })
    assert.deepEqual(failed, [])
  } finally {
    const closing = broker.close()
    await clock.advance(60_000)
    await closing
    scene.auth.close()
    await scene.close?.()
  }
}

interface Stage {
  scene: Scene
  broker: Broker
  clock: FakeClock
  drops: string[]
}

/** Declares the tests of a module. */
export function itRevokes(name: string, make: (clock: FakeClock) => Promise<Scene>, may: 'narrow' | 'remove' | 'both') {
  if (may !== 'remove') it(`${name}: a topic that is taken away`, () => inScene(make, narrowed))
  if (may !== 'narrow') it(`${name}: a user that is taken away`, () => inScene(make, removed))
}

async function narrowed({ scene, broker, clock, drops }: Stage): Promise<void> {
  const { alice, root, narrow, grantsAll, keepsWills } = scene
  const witness = await root(broker, { clientId: 'witness' })
  await witness.subscribe(at('wills/#'), at('$share/g/secret'))
  const live = await alice(broker, { clientId: 'live' })
  assert.deepEqual(await live.subscribe(at('secret'), at('free'), at('$share/g/secret')), [1, 1, 1])
  // a client that has acknowledged nothing yet, so that later messages wait
  const busy = await alice(broker, { clientId: 'busy', properties: { receiveMaximum: 1 } })
  await busy.subscribe(at('secret'), at('free'))
  const away = await alice(broker, { clientId: 'away', properties: LATER })
  await away.subscribe(at('secret'), at('free'))
  await leave(broker, away)
  for (const [clientId, topic] of [
    ['will-1', 'secret'],
    ['will-2', 'wills/free'],
  ] as const) {
    const leaving = await alice(broker, { clientId, properties: LATER, ...will(topic) })
    await leave(broker, leaving)
  }
  const publisher = await root(broker, { clientId: 'publisher' })
  for (const topic of ['free', 'secret', 'free']) await publisher.publish({ ...message(topic), retain: true })
  const first = await busy.expect('publish')
  await live.settle()
  await witness.settle()

  await narrow!([live, busy])

  // live and shared: root gets what alice does not get
  for (let count = 0; count < 4; count++) await publisher.publish(message('secret'))
  await publisher.publish(message('free'))
  assert.deepEqual(await topicsOf(live), ['free'])
  assert.equal((await topicsOf(witness)).length, grantsAll ? 2 : 4)
  // messages that waited behind the first one
  busy.send({ cmd: 'puback', messageId: first.messageId! })
  const second = await busy.expect('publish')
  assert.equal(second.topic, 'free')
  busy.send({ cmd: 'puback', messageId: second.messageId! })
  assert.equal((await busy.expect('publish')).topic, 'free')
  assert.ok(drops.includes('busy not-forwarded secret'), String(drops))
  // retained, for a new subscription
  assert.deepEqual(await live.subscribe(at('secret'), at('free')), grantsAll ? [1, 1] : [0x87, 1])
  assert.deepEqual(await topicsOf(live), ['free'])
  assert.equal(await live.publish(message('secret')), 0x87)
  // resumed
  const again = await alice(broker, { clientId: 'away', clean: false, properties: LATER })
  assert.deepEqual(new Set(await topicsOf(again)), new Set(['free']))
  assert.ok(drops.includes('away not-forwarded secret'), String(drops))
  assert.deepEqual([...broker.clients.away!.subscriptions.keys()], grantsAll ? ['secret', 'free'] : ['free'])
  // wills
  const refused: string[] = []
  broker.on('publishRefused', (_error, { topic }) => refused.push(topic))
  // a module may verify in another thread, which a fake clock does not wait for: its time limit must not pass
  await clock.advance(11_000)
  const expected = [...(keepsWills ? ['secret'] : []), 'wills/free']
  const published: string[] = []
  for (const _ of expected) published.push((await witness.expect('publish')).topic)
  published.push(...(await topicsOf(witness)))
  assert.deepEqual(published.sort(), expected)
  assert.deepEqual(refused, keepsWills ? [] : ['secret'])
}

async function removed({ scene, broker, clock }: Stage): Promise<void> {
  const { auth, alice, root, remove } = scene
  const witness = await root(broker, { clientId: 'witness', properties: LATER })
  await witness.subscribe(at('wills/#'), at('$share/g/news'))
  const live = await alice(broker, { clientId: 'live', properties: LATER, ...will('wills/live', 0) })
  await live.subscribe(at('news'), at('$share/g/news'))
  const away = await alice(broker, { clientId: 'away', properties: LATER })
  await away.subscribe(at('news'))
  await leave(broker, away)
  const leaving = await alice(broker, { clientId: 'leaving', properties: LATER, ...will('wills/leaving') })
  await leave(broker, leaving)

  await remove!()

  await live.expectDisconnect(0x87)
  const publisher = await root(broker, { clientId: 'publisher' })
  for (let count = 0; count < 4; count++) await publisher.publish({ ...message('news'), retain: true })
  assert.deepEqual(await topicsOf(witness), ['news', 'news', 'news', 'news'])
  for (const clientId of ['live', 'away']) {
    await assert.rejects(alice(broker, { clientId, clean: false, properties: LATER }), /refused/)
  }
  await clock.advance(20_000)
  const hasRules = auth.authorizePublish !== undefined
  await topicsOf(publisher)
  assert.deepEqual(await topicsOf(witness), hasRules ? [] : ['wills/leaving'])
}
