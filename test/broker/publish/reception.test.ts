/** What a bus brings: kept for stored sessions where another broker published it, and routed in the order of arrival. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Reception } from '../../../lib/broker/publish/reception.js'
import { PublishMessage } from '../../../lib/codec/publish-message.js'
import type { AnaxError } from '../../../lib/errors.js'
import type { Arrival } from '../../../lib/routing/arrivals.js'
import type { BusMessage } from '../../../types/bus.js'
import type { MaybePromise } from '../../../types/persistence.js'

/** A reception, and what it asks of others. */
function reception(keep: (text: string) => MaybePromise<void> = () => {}) {
  const done: string[] = []
  const errors: string[] = []
  const textOf = ({ payload }: PublishMessage) => payload.toString()
  const receiving = new Reception({
    arrivals: { take: carried => carried as unknown as Arrival | undefined },
    events: {
      emit(name, ...args) {
        assert.equal(name, 'storeError')
        errors.push((args[0] as AnaxError).code)
      },
    },
    number: message => done.push(`number ${textOf(message)}`),
    keep: message => keep(textOf(message)),
    route: message => done.push(`route ${textOf(message)}`),
    kept: message => done.push(`kept ${textOf(message)}`),
  })
  const receive = (text: string, from: Arrival['from']) => {
    const message = new PublishMessage('t', Buffer.from(text), 1, false, false, undefined, undefined)
    receiving.receive({ message, from } as unknown as BusMessage)
  }
  return { receive, receiving, done, errors }
}

describe('what comes', () => {
  it("goes straight on where it is the broker's own", () => {
    const { receive, done } = reception(() => assert.fail())
    receive('x', 'here')
    assert.deepEqual(done, ['route x'])
  })

  it('is kept before it is routed where another broker published it, and numbered where nobody has', () => {
    const order: string[] = []
    const { receive, done } = reception(text => void order.push(text))
    receive('x', 'elsewhere')
    receive('y', 'nobody')
    assert.deepEqual(done, ['route x', 'kept x', 'number y', 'route y', 'kept y'])
    assert.deepEqual(order, ['x', 'y'])
  })

  it('is routed in the order of arrival, while some of it is still being kept', async () => {
    const answers: Record<string, () => void> = {}
    const later = (text: string) =>
      new Promise<void>(resolve => {
        answers[text] = resolve
      })
    const { receive, done } = reception(text => (text === '2' ? undefined : later(text)))
    for (const text of ['1', '2', '3']) receive(text, 'elsewhere')
    answers[3]!()
    await new Promise(resolve => setImmediate(resolve))
    assert.equal(done.length, 0)
    answers[1]!()
    await new Promise(resolve => setImmediate(resolve))
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
    it(`is routed where the store ${how}, and the host is told`, async () => {
      const { receive, done, errors } = reception(fail)
      receive('x', 'elsewhere')
      await new Promise(resolve => setImmediate(resolve))
      assert.deepEqual([done, errors], [['route x', 'kept x'], ['ANAX_ERR_STORE']])
    })
  }

  it('is nothing where it came before', () => {
    const { receiving, done } = reception()
    receiving.receive(undefined as unknown as BusMessage)
    assert.deepEqual(done, [])
  })
})
