/** Messages of others on a bus of the host: queued for the stored sessions here, and routed in the order of arrival. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { PublishMessage } from '../../../../lib/codec/publish-message.js'
import { recordOf } from '../../../../lib/model/routing-record.js'
import type { MaybePromise, QueuePolicy } from '../../../../types/persistence.js'
import { hostBus, innerBus } from '../../support.js'

const BROKER = { own: 'b', other: 'there' } as const

/** A bus of the host, and the calls that it makes. */
function fixture(write: (text: string) => MaybePromise<void> = () => {}) {
  const done: string[] = []
  const errors: string[] = []
  const policies: QueuePolicy[] = []
  let counter = 0
  const note = (what: string) => (message: PublishMessage) => void done.push(`${what} ${message.payload}`)
  const bus = hostBus(innerBus(), {
    router: () => ({ wants: () => true, storedHere: () => [], route: note('route') }),
    queues: () => ({
      write(message, _matched, { among, policy }) {
        assert.equal(among, 'connected')
        assert.equal(recordOf(message)?.agreesWithQueue('stored', 1), false)
        policies.push(policy)
        return write(String(message.payload))
      },
      settled: note('settled'),
    }),
    policy: { maxTotalBytes: 1, limitsOf: () => ({ maxMessages: 1, maxBytes: 1, overflow: 'reject' }) },
    number: message => {
      note('number')(message)
      message.brokerId = BROKER.own
      message.brokerCounter = ++counter
    },
    failed: ({ code }) => errors.push(code),
  })
  const receive = (payload: string, brokerId?: string) => {
    bus.receive({ topic: 't', payload, qos: 1, ...(brokerId && { brokerId, brokerCounter: ++counter }) } as never)
  }
  return { bus, receive, done, errors, policies }
}

const turn = () => new Promise(resolve => setImmediate(resolve))

describe('a message from a bus', () => {
  it("is routed and not queued if it is the broker's own", () => {
    const { receive, done } = fixture(() => assert.fail())
    receive('x', BROKER.own)
    assert.deepEqual(done, ['route x'])
  })

  it('is queued before it is routed if another broker published it, and gets a number if it has none', () => {
    const order: string[] = []
    const { receive, done } = fixture(text => void order.push(text))
    receive('x', BROKER.other)
    receive('y')
    assert.deepEqual(done, ['route x', 'settled x', 'number y', 'route y', 'settled y'])
    assert.deepEqual(order, ['x', 'y'])
  })

  it('is never refused by a queue', () => {
    const { receive, policies } = fixture()
    receive('x', BROKER.other)
    assert.equal(policies[0]?.limitsOf('c').overflow, 'drop-newest')
  })

  it('is routed in the order of arrival, while some of it is still being queued', async () => {
    const answers: Record<string, () => void> = {}
    const later = (text: string) =>
      new Promise<void>(resolve => {
        answers[text] = resolve
      })
    const { receive, done } = fixture(text => (text === '2' ? undefined : later(text)))
    for (const text of ['1', '2', '3']) receive(text, BROKER.other)
    answers[3]!()
    await turn()
    assert.equal(done.length, 0)
    answers[1]!()
    await turn()
    assert.deepEqual(
      done.filter(each => each.startsWith('route')),
      ['route 1', 'route 2', 'route 3'],
    )
  })

  for (const [how, fail] of Object.entries({
    throws: () => {
      throw new Error('broken')
    },
    rejects: () => Promise.reject(new Error('broken')),
  })) {
    it(`is routed if the store ${how}, and an event reports the failure`, async () => {
      const { receive, done, errors } = fixture(fail)
      receive('x', BROKER.other)
      await turn()
      assert.deepEqual([done, errors], [['route x', 'settled x'], ['ANAX_ERR_STORE']])
    })
  }

  it('is ignored if it came before, or is invalid', () => {
    const { bus, done } = fixture()
    const carried = { topic: 't', brokerId: BROKER.other, brokerCounter: 1 }
    for (let times = 0; times < 2; times++) bus.receive({ ...carried })
    bus.receive({ topic: 't', qos: 7 } as never)
    assert.deepEqual(done, ['route ', 'settled '])
  })
})
