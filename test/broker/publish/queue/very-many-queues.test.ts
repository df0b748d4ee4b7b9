/** A message for the queues of very many sessions is written in several turns of the event loop. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { type BrokerOptions, createBroker } from '../../../../lib/index.js'
import { MemoryPersistence } from '../../../../lib/persistence/memory/memory.js'
import type { Message } from '../../../../types/message/message.js'
import type { DroppedMessage, QueueDelivery, QueuePolicy } from '../../../../types/persistence.js'
import { receiveTexts, textPacket } from '../../../support/clients/exchange.js'
import { SpecClient } from '../../../support/clients/spec-client.js'
import { keptSession } from '../../../support/spec.js'

const SESSIONS = 4000
const LAST = `s${SESSIONS - 1}`

/** A store in memory that counts the added queue entries. */
class CountingStore extends MemoryPersistence {
  queuedEntries = 0

  override enqueue(
    message: Message,
    deliveries: readonly QueueDelivery[],
    policy: QueuePolicy,
  ): DroppedMessage[] | undefined {
    this.queuedEntries += deliveries.length
    return super.enqueue(message, deliveries, policy)
  }

  textsOf(clientId: string): string[] {
    return Array.from(this.queued(clientId), ({ message }) => message!.payload.toString())
  }
}

/** A broker with very many stored sessions that all want the topic `all`, and the last one `own` as well. */
async function scene(options: BrokerOptions = {}) {
  const persistence = new CountingStore()
  for (let i = 0; i < SESSIONS; i++) {
    const id = `s${i}`
    persistence.saveSession({ clientId: id, expiryInterval: 0xffff_ffff, expiresAt: undefined })
    persistence.addSubscriptions({ id }, [{ topic: 'all', qos: 1 }])
  }
  persistence.addSubscriptions({ id: LAST }, [{ topic: 'own', qos: 1 }])
  const broker = await createBroker({ persistence, ...options })
  return { broker, persistence, [Symbol.asyncDispose]: () => broker.close() }
}

async function publisher(s: Awaited<ReturnType<typeof scene>>, clientId = 'publisher'): Promise<SpecClient> {
  const client = new SpecClient(s.broker)
  await client.connect({ clientId })
  return client
}

const everySession = Array.from({ length: SESSIONS }, (_, i) => `s${i}`)

describe('a message for the queues of very many sessions', () => {
  it('is written in several turns of the event loop as one message, and acknowledged after the last', async () => {
    await using s = await scene()
    const client = await publisher(s)
    client.send(textPacket('all', 'one', { qos: 1, messageId: 1 }))
    let isAcknowledged = false
    client.expect('puback').then(() => {
      isAcknowledged = true
    })
    const perTurn: number[] = []
    while (!isAcknowledged) {
      const before = s.persistence.queuedEntries
      await turn()
      perTurn.push(s.persistence.queuedEntries - before)
    }
    assert(Math.max(...perTurn) < SESSIONS / 2, `${perTurn}`)
    for (const clientId of everySession) assert.deepEqual(s.persistence.textsOf(clientId), ['one'])
    const { queuedMessages, queuedBytes } = s.persistence.counts()
    assert.deepEqual([queuedMessages, queuedBytes], [1, 3])
  })

  it('comes before later ones of its publisher, and may be overtaken by those of others', async () => {
    await using s = await scene()
    const [client, other] = [await publisher(s), await publisher(s, 'other')]
    client.send(
      textPacket('all', 'one', { qos: 1, messageId: 1 }),
      textPacket('own', 'two', { qos: 1, messageId: 2 }),
      textPacket('all', 'three', { qos: 1, messageId: 3 }),
    )
    while (s.persistence.queuedEntries === 0) await turn()
    assert.equal(await other.publish({ topic: 'own', payload: Buffer.from('other'), qos: 1 }), 0)
    for (let i = 1; i <= 3; i++) assert.equal((await client.expect('puback')).messageId, i)
    assert.deepEqual(s.persistence.textsOf('s0'), ['one', 'three'])
    assert.deepEqual(s.persistence.textsOf(LAST), ['other', 'one', 'two', 'three'])
  })

  it('is delivered once to clients that connect meanwhile, and to connected ones', async () => {
    await using s = await scene()
    const [client, connected] = [await publisher(s), new SpecClient(s.broker)]
    await connected.connect({ clientId: LAST, ...keptSession(5) })
    client.send(textPacket('all', 'one', { qos: 1, messageId: 1 }), textPacket('all', 'two', { qos: 1, messageId: 2 }))
    while (s.persistence.queuedEntries === 0) await turn()
    const [early, late] = [new SpecClient(s.broker), new SpecClient(s.broker)]
    await early.connect({ clientId: 's0', ...keptSession(5) })
    await late.connect({ clientId: `s${SESSIONS - 2}`, ...keptSession(5) })
    for (let i = 1; i <= 2; i++) await client.expect('puback')
    const received = [await receiveTexts(connected), await receiveTexts(early), await receiveTexts(late)]
    assert.deepEqual(received, Array(3).fill(['one', 'two']))
  })

  it('is in none of the queues if one refuses it', async () => {
    const queueLimits = (clientId: string) => (clientId === LAST ? { maxMessages: 1 } : undefined)
    await using s = await scene({ queueOverflow: 'reject', queueLimits })
    await s.broker.publish({ topic: 'own', payload: 'full', qos: 1 })
    await assert.rejects(s.broker.publish({ topic: 'all', payload: 'one', qos: 1 }), { code: 'ANAX_ERR_QUOTA' })
    assert.equal(s.persistence.counts().queuedMessages, 1)
    assert.deepEqual(s.persistence.textsOf('s0'), [])
  })

  it('is in all queues if the broker closes meanwhile', async () => {
    const s = await scene()
    const client = await publisher(s)
    client.send(textPacket('all', 'one', { qos: 1, messageId: 1 }))
    while (s.persistence.queuedEntries === 0) await turn()
    assert(s.persistence.queuedEntries < SESSIONS)
    await s.broker.close()
    for (const clientId of everySession) assert.deepEqual(s.persistence.textsOf(clientId), ['one'])
    assert.equal((await client.closed())[0]?.cmd, 'puback')
  })
})
