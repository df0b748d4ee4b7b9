/** Clients that leave state of all kinds behind, and what they find where this state has moved to. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Broker } from '../../types/broker/broker.js'
import { publishPacket, SpecClient } from '../support/clients/spec-client.js'

export const WILL_DELAY_SECONDS = 10
export const STORED = { clean: false, properties: { sessionExpiryInterval: 3600 } } as const

/** The connection of a client breaks, and the broker has noticed. */
export async function gone(broker: Broker, client: SpecClient): Promise<void> {
  await Promise.all([once(broker, 'clientDisconnect'), client.drop()])
}

/**
 * One client is away, with messages in flight and waiting; the will of another one waits; a message is retained.
 * @param one the broker of the first client
 * @param other the broker of the second client, which also publishes
 */
export async function leaveBehind(one: Broker, other: Broker): Promise<void> {
  const phone = new SpecClient(one)
  await phone.connect({ clientId: 'phone', ...STORED })
  await phone.subscribe({ topic: 'news/#', qos: 2 })
  await other.publish({ topic: 'news/first', payload: 'begun', qos: 2 })
  assert.equal((await phone.expect('publish')).messageId, 1)
  phone.send(publishPacket({ topic: 'from/phone', qos: 2, messageId: 9 }))
  await phone.expect('pubrec')
  await gone(one, phone)
  for (const text of ['one', 'two']) await other.publish({ topic: 'news/second', payload: text, qos: 1 })
  await other.publish({ topic: 'news/kept', payload: 'kept', qos: 1, retain: true })
  const will = { topic: 'gone', payload: Buffer.from('gone'), qos: 1, retain: false } as const
  const sensor = new SpecClient(other)
  const properties = { willDelayInterval: WILL_DELAY_SECONDS }
  await sensor.connect({ clientId: 'sensor', ...STORED, will: { ...will, properties } })
  await gone(other, sensor)
}

/** The first client gets all of it on one broker, and what is published on the other, which may be the same. */
export async function assertAllIsThere(one: Broker, other: Broker): Promise<void> {
  await other.publish({ topic: 'news/third', payload: 'new', qos: 1 })
  const phone = new SpecClient(one)
  assert.equal((await phone.connect({ clientId: 'phone', ...STORED })).sessionPresent, true)
  const came: unknown[] = []
  for (let count = 0; count < 5; count++) {
    const { payload, qos, dup, messageId } = await phone.expect('publish')
    came.push([payload.toString(), qos, dup, messageId === 1])
  }
  assert.deepEqual(came, [
    ['begun', 2, true, true],
    ['one', 1, false, false],
    ['two', 1, false, false],
    ['kept', 1, false, false],
    ['new', 1, false, false],
  ])
  // the packet id of its PUBLISH is known
  phone.send({ cmd: 'pubrel', messageId: 9 })
  assert.equal((await phone.expect('pubcomp')).reasonCode ?? 0, 0)
  await phone.expectNothing()

  const late = new SpecClient(other)
  await late.connect({ clientId: 'late' })
  await late.subscribe({ topic: 'news/#', qos: 1 })
  const { payload, retain, qos } = await late.expect('publish')
  assert.deepEqual([payload.toString(), retain, qos], ['kept', true, 1])
}
