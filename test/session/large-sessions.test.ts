/** A session with very many subscriptions is resumed and ended in several turns of the event loop. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { type BrokerOptions, createBroker, createMemoryPersistence } from '../../lib/index.js'
import { acknowledge, receiveTexts } from '../support/clients/exchange.js'
import { SpecClient } from '../support/clients/spec-client.js'
import { keptSession } from '../support/spec.js'

const FILTERS = 1500
const LAST = `t/${FILTERS - 1}`

/** A broker whose store has a session with very many subscriptions, and counts per turn. */
async function scene(options: BrokerOptions = {}) {
  const persistence = createMemoryPersistence()
  persistence.saveSession({ clientId: 'large', expiryInterval: 0xffff_ffff, expiresAt: undefined })
  const subscriptions = Array.from({ length: FILTERS }, (_, i) => ({ topic: `t/${i}`, qos: 1 as const }))
  persistence.addSubscriptions({ id: 'large' }, subscriptions)
  const broker = await createBroker({ persistence, ...options })
  const resuming = () => {
    const client = new SpecClient(broker)
    return { client, connected: client.connect({ clientId: 'large', ...keptSession(5) }) }
  }
  return { broker, persistence, resuming, [Symbol.asyncDispose]: () => broker.close() }
}

/** The largest change of a number in one turn, until a promise resolves. */
async function mostInATurn(count: () => number, done: Promise<unknown>): Promise<number> {
  let isDone = false
  done.then(() => {
    isDone = true
  })
  let most = 0
  for (let before = count(); !isDone; before = count()) {
    await turn()
    most = Math.max(most, Math.abs(count() - before))
  }
  return most
}

function assertInSteps(most: number): void {
  assert(most > 0 && most < FILTERS / 2, `${most} of ${FILTERS} in one turn`)
}

describe('a session with very many subscriptions', () => {
  it('is authorized again and activated in several turns of the event loop, before CONNACK', async () => {
    let asked = 0
    await using s = await scene({ authorizeSubscribe: () => ++asked > 0 })
    const { connected } = s.resuming()
    const live = () => s.broker.stats().subscriptions.connected
    const [mostAsked, mostLive] = await Promise.all([mostInATurn(() => asked, connected), mostInATurn(live, connected)])
    assertInSteps(mostAsked)
    assertInSteps(mostLive)
    assert.deepEqual([asked, live()], [FILTERS, FILTERS])
    assert.equal((await connected).sessionPresent, true)
  })

  it('loses subscriptions that a hook no longer grants, in several turns of the event loop', async () => {
    await using s = await scene({ authorizeSubscribe: (_, { topic }) => topic === LAST })
    const { connected } = s.resuming()
    assertInSteps(await mostInATurn(() => s.persistence.counts().subscriptions!, connected))
    assert.deepEqual(
      s.persistence.subscriptionsByClient({ id: 'large' }).map(({ topic }) => topic),
      [LAST],
    )
  })

  it('first gets the messages in flight, then the rest in order, even if more are published while it is resumed', async () => {
    await using s = await scene()
    const first = s.resuming()
    await first.connected
    await s.broker.publish({ topic: LAST, payload: 'in flight', qos: 1 })
    assert.equal((await first.client.expect('publish')).payload.toString(), 'in flight')
    await first.client.drop()
    await s.broker.publish({ topic: LAST, payload: 'queued', qos: 1 })

    const { client, connected } = s.resuming()
    let isConnected = false
    connected.then(() => {
      isConnected = true
    })
    const expected: string[] = ['queued']
    for (let i = 0; !isConnected; i++) {
      await s.broker.publish({ topic: i % 2 === 0 ? LAST : 't/0', payload: `${i}`, qos: 1 })
      expected.push(`${i}`)
      // without a queue: only a live subscription gets it, in order
      await s.broker.publish({ topic: 't/1', payload: `${i} live`, qos: 0 })
      await turn()
    }
    const again = await client.expect('publish')
    assert.deepEqual([again.payload.toString(), again.dup], ['in flight', true])
    acknowledge(client, again)
    const received = await receiveTexts(client)
    assert.deepEqual(
      received.filter(text => !text.endsWith(' live')),
      expected,
    )
    assert.deepEqual(
      received.slice(1),
      received.slice(1).toSorted((one, other) => Number.parseInt(one, 10) - Number.parseInt(other, 10)),
    )
    assert(received.some(text => text.endsWith(' live')))
  })

  it('is not resumed any further if its client disconnects meanwhile', async () => {
    await using s = await scene()
    const { client, connected } = s.resuming()
    connected.catch(() => {})
    while (s.broker.stats().subscriptions.connected === 0) await turn()
    await client.drop()
    while (s.broker.stats().connections.open > 0) await turn()
    assert.equal(s.broker.stats().subscriptions.connected, 0)
    await s.broker.publish({ topic: LAST, payload: 'queued', qos: 1 })
    const later = s.resuming()
    await later.connected
    assert.deepEqual(await receiveTexts(later.client), ['queued'])
  })

  it('is removed in several turns of the event loop', async () => {
    await using s = await scene()
    const client = new SpecClient(s.broker)
    const connected = client.connect({ clientId: 'large', clean: true })
    assertInSteps(await mostInATurn(() => s.persistence.counts().subscriptions!, connected))
    assert.equal((await connected).sessionPresent, false)
    assert.deepEqual([s.persistence.counts().sessions, s.persistence.counts().subscriptions], [0, 0])
  })
})
