/** Messages of other brokers for queues that may have them already: each is added once, in order, with few reads. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { ForeignAdditions } from '../../../lib/persistence/aedes/foreign.js'
import type { Message } from '../../../types/message/message.js'
import type { QueueDelivery, QueuedMessage } from '../../../types/persistence.js'

/** Queues that are read when the test says so. */
function queues(content: Record<string, number[]> = {}, mayHaveMore = false) {
  const readings: string[] = []
  const present: string[] = []
  const appended: string[] = []
  const held: (() => void)[] = []
  const additions = new ForeignAdditions({
    async read(clientId) {
      readings.push(clientId)
      await new Promise<void>(resolve => held.push(resolve))
      const entries = (content[clientId] ?? []).map(number => ({ ref: refOf(number) }) as QueuedMessage)
      return { entries, mayHaveMore }
    },
    async append({ brokerCounter }, deliveries) {
      appended.push(`${brokerCounter} for ${deliveries.map(({ clientId }) => clientId).join()}`)
    },
    present: (clientId, { brokerCounter }) => present.push(`${brokerCounter} for ${clientId}`),
  })
  const add = (number: number, ...clients: string[]) =>
    additions.add(
      refOf(number) as Message,
      clients.map(clientId => ({ clientId }) as QueueDelivery),
    )
  const letRead = async () => {
    for (const read of held.splice(0)) read()
    await new Promise(resolve => setImmediate(resolve))
  }
  return { additions, add, letRead, readings, appended, present }
}

const refOf = (brokerCounter: number) => ({ brokerId: 'there', brokerCounter })

it('adds missing messages to a queue, and no others', async () => {
  const { add, letRead, appended, present } = queues({ one: [1, 2], two: [2] })
  const added = [add(1, 'one', 'two'), add(2, 'one', 'two'), add(3, 'two')]
  await letRead()
  await letRead()
  await Promise.all(added)
  assert.deepEqual(appended, ['1 for two', '3 for two'])
  assert.deepEqual(present, ['1 for one', '2 for one', '2 for two'])
})

it('does not add messages that a long queue may not show, once its broker is known to share the store', async () => {
  const { add, letRead, appended, present } = queues({ one: [1] }, true)
  const unknown = add(5, 'one')
  await letRead()
  await unknown
  const shared = [add(1, 'one'), add(6, 'one')]
  await letRead()
  await letRead()
  await Promise.all(shared)
  assert.deepEqual([appended, present], [['5 for one'], ['1 for one', '6 for one']])
})

it('reads each queue once for all waiting messages', async () => {
  const { additions, add, letRead, readings, appended } = queues()
  const added = [1, 2, 3, 4].map(number => add(number, 'one', 'two'))
  assert.deepEqual(readings, ['one', 'two'])
  assert.equal(additions.isIdle, false)
  await letRead()
  assert.deepEqual(readings, ['one', 'two', 'one', 'two'])
  await letRead()
  await Promise.all(added)
  assert.deepEqual(
    appended,
    [1, 2, 3, 4].map(number => `${number} for one,two`),
  )
  assert.equal(additions.isIdle, true)
})

it('remembers what was sent and removed from a queue while others waited', async () => {
  const { additions, add, letRead, appended } = queues()
  const added = [add(1, 'one'), add(2, 'one')]
  additions.noteSent('one', refOf(2))
  await letRead()
  await letRead()
  await Promise.all(added)
  assert.deepEqual(appended, ['1 for one'])
  const later = add(2, 'one')
  await letRead()
  await later
  assert.deepEqual(appended, ['1 for one', '2 for one'])
})

it('reports a queue that cannot be read as a failure of the waiting messages only', async () => {
  let isBroken = true
  const additions = new ForeignAdditions({
    async read() {
      if (isBroken) throw new Error('broken')
      return { entries: [], mayHaveMore: false }
    },
    async append() {},
    present() {},
  })
  await assert.rejects(additions.add(refOf(1) as Message, [{ clientId: 'one' } as QueueDelivery]), /broken/)
  isBroken = false
  await additions.add(refOf(2) as Message, [{ clientId: 'one' } as QueueDelivery])
})
