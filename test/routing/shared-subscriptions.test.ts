/**
 * Which member of a shared subscription gets a message, with each strategy; and the unfinished messages of a member
 * that disconnects.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SharedGroup } from '../../lib/routing/shared/shared-group.js'
import type { SharedStrategy } from '../../types/broker/options.js'
import type { QueuedMessage } from '../../types/persistence.js'
import { message, NotingSession, routing } from './support.js'

const SHARE = '$share/g/t'
const away = (clientId: string, qos: 0 | 1 | 2 = 1) => ({ clientId, topic: SHARE, qos })

interface Members {
  group: SharedGroup
  sessions: NotingSession[]
}

function group(members: number): Members {
  const shared = new SharedGroup(SHARE)
  const sessions = Array.from({ length: members }, (_, i) => new NotingSession(`member-${i}`))
  for (const session of sessions) shared.join(session.subscribe(SHARE))
  return { group: shared, sessions }
}

/** How often each member was chosen, for messages of these publishers. */
function counts({ group, sessions }: Members, strategy: SharedStrategy, publishers: string[]): number[] {
  const chosen = publishers.map(clientId => group.choose({ clientId }, strategy)!.session)
  return sessions.map(session => chosen.filter(each => each === session).length)
}

describe('the strategy', () => {
  const publishers = Array.from({ length: 600 }, (_, i) => `publisher-${i}`)

  it('round-robin gives each member its turn', () => {
    const shared = group(3)
    const order = publishers.slice(0, 6).map(clientId => shared.group.choose({ clientId }, 'round-robin')!.session.id)
    assert.deepEqual(order, [...order.slice(0, 3), ...order.slice(0, 3)])
    assert.deepEqual(counts(shared, 'round-robin', publishers), [200, 200, 200])
  })

  it('random chooses every member at some time', () => {
    for (const count of counts(group(3), 'random', publishers)) assert(count > 100 && count < 300, String(count))
  })

  it('sticky assigns each publisher to one member, and spreads the publishers over the members', () => {
    const shared = group(3)
    for (const clientId of publishers.slice(0, 50)) {
      const chosen = new Set(Array.from({ length: 5 }, () => shared.group.choose({ clientId }, 'sticky')))
      assert.equal(chosen.size, 1)
    }
    for (const count of counts(shared, 'sticky', publishers)) assert(count > 150 && count < 250, String(count))
  })

  it('sticky reassigns only the publishers of a member that left', () => {
    const { group: shared, sessions } = group(4)
    const before = publishers.map(clientId => shared.choose({ clientId }, 'sticky')!.session)
    shared.leave(sessions[0]!.id)
    for (const [i, clientId] of publishers.entries()) {
      const now = shared.choose({ clientId }, 'sticky')!.session
      if (before[i] !== sessions[0]) assert.equal(now, before[i])
    }
  })

  it('least-inflight chooses the member with the fewest messages in flight', () => {
    const { group: shared, sessions } = group(3)
    for (const [i, busy] of [5, 2, 9].entries()) sessions[i]!.busy = busy
    assert.equal(shared.choose({ clientId: 'x' }, 'least-inflight')?.session, sessions[1])
    sessions[1]!.busy = 6
    assert.equal(shared.choose({ clientId: 'x' }, 'least-inflight')?.session, sessions[0])
  })

  it('least-inflight takes turns among equal members', () => {
    const { group: shared, sessions } = group(3)
    sessions[1]!.busy = 1
    const chosen = Array.from({ length: 6 }, () => shared.choose({ clientId: 'x' }, 'least-inflight')?.session)
    for (const idle of [sessions[0], sessions[2]]) assert(chosen.filter(session => session === idle).length >= 2)
    assert(!chosen.includes(sessions[1]))
  })

  for (const strategy of ['round-robin', 'random', 'sticky', 'least-inflight'] as const) {
    it(`${strategy} chooses a single member, never an excluded one, and nobody if there are no members`, () => {
      const { group: shared, sessions } = group(2)
      const [one, two] = sessions
      for (let i = 0; i < 10; i++) assert.equal(shared.choose({ clientId: 'x' }, strategy, one!.id)?.session, two)
      shared.leave(two!.id)
      assert.equal(shared.choose({ clientId: 'x' }, strategy)?.session, one)
      assert.equal(shared.choose({ clientId: 'x' }, strategy, one!.id), undefined)
    })
  }
})

describe('members that are disconnected', () => {
  it('take turns, except for those with QoS 0', () => {
    const shared = new SharedGroup(SHARE)
    for (const member of [away('a'), away('b'), away('zero', 0)]) shared.joinOffline(member)
    const chosen = Array.from({ length: 4 }, () => shared.chooseOffline()?.clientId)
    assert.deepEqual([...chosen].sort(), ['a', 'a', 'b', 'b'])
    assert.equal(shared.chooseOffline('a')?.clientId, 'b')
    shared.leave('a')
    shared.leave('b')
    assert.deepEqual([shared.chooseOffline(), shared.size], [undefined, 1])
    shared.leave('zero')
    assert.equal(shared.size, 0)
  })

  it('that reconnect count as one member, not two', () => {
    const { group: shared, sessions } = group(1)
    const [session] = sessions
    shared.joinOffline(away(session!.id))
    assert.equal(shared.choose({ clientId: 'x' }, 'random'), undefined)
    const subscription = session!.subscribe(SHARE)
    shared.join(subscription)
    assert.equal(shared.chooseOffline(), undefined)
    assert.equal(shared.isLive(subscription), true)
    assert.equal(shared.isLive(session!.subscribe(SHARE)), false, 'a subscription that was replaced')
    shared.leave(session!.id)
    assert.equal(shared.size, 0)
  })
})

describe('the router', () => {
  it('gives a message to one member, at its QoS, with the name of the group', () => {
    const { router, bus } = routing()
    const members = ['a', 'b'].map(id => new NotingSession(id))
    for (const [i, member] of members.entries()) router.add(member.subscribe(SHARE, { qos: 1 }, i + 1))
    for (const text of ['1', '2', '3', '4']) bus.publish(message('t', text, 2))
    assert.deepEqual(members.map(({ texts }) => texts).sort(), [
      ['1', '3'],
      ['2', '4'],
    ])
    for (const [i, { got }] of members.entries()) {
      assert.deepEqual(
        got.map(({ qos, share, subscriptionIdentifiers }) => [qos, share, subscriptionIdentifiers]),
        Array.from({ length: 2 }, () => [1, SHARE, [i + 1]]),
      )
    }
  })

  it('sends a message to the member for which it was stored', () => {
    const { router, bus } = routing()
    const members = ['a', 'b'].map(id => new NotingSession(id, true))
    for (const member of members) router.add(member.subscribe(SHARE))
    for (let i = 0; i < 6; i++) {
      const published = message('t', String(i))
      const [choice] = router.chooseShared(published, () => false, 'all')
      bus.publish(published)
      const chosen = members.find(({ id }) => 'session' in choice!.member && choice!.member.session.id === id)
      assert.equal(chosen?.texts.at(-1), String(i))
    }
    assert.equal(members[0]!.got.length + members[1]!.got.length, 6)
  })

  it('chooses another member if the chosen one has disconnected and nothing is stored for it', () => {
    const { router, bus } = routing()
    const [one, two] = ['one', 'two'].map(id => new NotingSession(id))
    const subscriptions = [one!, two!].map(session => session.subscribe(SHARE))
    for (const subscription of subscriptions) router.add(subscription)
    const published = message('t', 'x')
    router.chooseShared(published, () => false, 'all')
    for (const subscription of subscriptions) router.remove(subscription)
    router.add(two!.subscribe(SHARE))
    bus.publish(published)
    assert.deepEqual([...one!.texts, ...two!.texts], ['x'])
  })

  it('leaves a message in the queue if the client has reconnected, which reads the queue', () => {
    const { router, bus } = routing()
    const other = new NotingSession('other')
    router.shared.joinOffline(away('back'))
    const published = message('t', 'x')
    assert.equal(router.chooseShared(published, () => false, 'all').length, 1)
    const back = new NotingSession('back', true)
    let reads = 0
    Object.defineProperty(back, 'outgoing', { value: { readStored: () => reads++ } })
    router.add(back.subscribe(SHARE))
    router.add(other.subscribe(SHARE))
    bus.publish(published)
    assert.deepEqual([back.texts, other.texts, reads], [[], [], 1])
  })

  it('makes a copy with its own number if the session also gets the message for another subscription', () => {
    const { router } = routing()
    router.shared.joinOffline(away('both'))
    const published = message('t', 'x')
    const [choice] = router.chooseShared(published, clientId => clientId === 'both', 'all')
    assert.notEqual(choice?.message, published)
    assert.equal(choice?.message.payload.toString(), 'x')
    const [alone] = router.chooseShared(published, () => false, 'all')
    assert.equal(alone?.message, published)
  })

  it('removes a group when its last member leaves', () => {
    const { router } = routing()
    router.shared.joinOffline(away('a'))
    const session = new NotingSession('b')
    const subscription = session.subscribe(SHARE)
    router.add(subscription)
    assert.deepEqual([router.size, router.shared.groups, router.shared.members], [1, 1, 2])
    router.remove(subscription)
    router.shared.leave({ topic: SHARE, clientId: 'a' })
    router.shared.leave({ topic: 'not shared', clientId: 'a' })
    assert.deepEqual([router.size, router.shared.groups, router.shared.members], [0, 0, 0])
  })
})

describe('the unfinished messages of a member that disconnects', () => {
  it('go to another connected member, through its queue if its session is stored', () => {
    const { router, queued, orphans } = routing()
    const [clean, stored] = [new NotingSession('clean'), new NotingSession('stored', true)]
    router.add(clean.subscribe(SHARE))
    router.shared.redeliver('gone', [{ message: message('t', '1'), share: SHARE }])
    router.remove(clean.subscriptions.get(SHARE)!)
    router.add(stored.subscribe(SHARE))
    router.shared.redeliver('gone', [{ message: message('t', '2'), share: SHARE }])
    assert.deepEqual(clean.texts, ['1'])
    assert.deepEqual(
      queued.map(({ text, delivery: { clientId, share, qos } }) => [text, clientId, share, qos]),
      [['2', 'stored', SHARE, 1]],
    )
    assert.deepEqual(orphans, [])
  })

  it('go into the queue of a disconnected member if none is connected', () => {
    const { router, queued, orphans } = routing()
    router.shared.joinOffline({ ...away('away'), rap: true, subscriptionIdentifier: 7 })
    router.shared.redeliver('gone', [{ message: message('t', 'x', 2), share: SHARE }])
    assert.deepEqual(
      queued.map(({ delivery }) => delivery),
      [{ clientId: 'away', qos: 1, retain: false, subscriptionIdentifiers: [7], share: SHARE }],
    )
    assert.deepEqual(orphans, [])
  })

  it('are dropped and reported if there are no other members', () => {
    const { router, queued, orphans } = routing()
    router.shared.joinOffline(away('gone'))
    router.shared.redeliver('gone', [
      { message: message('t', '1'), share: SHARE },
      { message: message('t', '2'), share: '$share/other/t' },
    ])
    assert.deepEqual([queued, orphans], [[], ['1', '2']])
  })

  const entry = (text: string, qos: 1 | 2, share: string | undefined, packetId?: number): QueuedMessage => {
    const published = message('t', text, qos)
    const delivery = { clientId: 'gone', qos, retain: false, subscriptionIdentifiers: undefined, share }
    const ref = { brokerId: 'b', brokerCounter: ++number }
    return { message: published, ref, delivery, packetId }
  }
  let number = 0

  it('in its stored queue are reported once, even if the queue has to be read again', async () => {
    const { router, queued, orphans } = routing()
    router.shared.joinOffline(away('heir', 2))
    const queue = [entry('1', 1, undefined), entry('2', 1, SHARE), entry('3', 2, undefined), entry('4', 1, undefined)]
    for (const readable of [0, 2, 3, 1]) {
      const failing = (function* () {
        yield* queue.slice(0, readable)
        throw new Error('the store fails')
      })()
      await assert.rejects(router.shared.emptyQueue(failing, 'gone'), /the store fails/)
    }
    assert.deepEqual([queued, orphans], [[], ['1', '3']])
    await router.shared.emptyQueue(queue, 'gone')
    assert.deepEqual(orphans, ['1', '3', '4'])
    assert.deepEqual(
      queued.map(({ text }) => text),
      ['2'],
    )
    await router.shared.emptyQueue([queue[0]!], 'gone')
    assert.deepEqual(orphans, ['1', '3', '4', '1'], 'another session of the same client is not confused with it')
  })

  it('in its stored queue are redelivered if they belong to groups, those with QoS 2 only if they were not sent', async () => {
    const { router, queued } = routing()
    router.shared.joinOffline(away('heir', 2))
    const queue = [
      entry('own', 1, undefined),
      entry('sent', 1, SHARE, 1),
      entry('sent twice', 2, SHARE, 2),
      entry('waiting', 2, SHARE),
      { ...entry('released', 2, SHARE, 3), message: undefined },
    ]
    await router.shared.emptyQueue(queue, 'gone')
    assert.deepEqual(
      queued.map(({ text }) => text),
      ['sent', 'waiting'],
    )
  })
})
