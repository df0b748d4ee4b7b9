/** The hook that validates payloads, from the view of publishers. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { z } from 'zod'
import { number, schemas, text } from '../../lib/index.js'
import { startTestBroker } from '../../lib/testing/index.js'

const Temperature = z.object({ celsius: z.number() })

describe('schemas()', () => {
  it('refuses an invalid payload with 0x99 and the path, and accepts a valid one', async () => {
    await using t = await startTestBroker({ authorizePublish: schemas({ 'sensors/:room/temperature': Temperature }) })
    const client = await t.client()
    for (const qos of [1, 2] as const) {
      await assert.rejects(client.publish('sensors/kitchen/temperature', '{"celsius":"warm"}', { qos }), {
        code: 'ANAX_ERR_PUBLISH_REFUSED',
        reasonCode: 0x99,
        message: /celsius: .*number/,
      })
    }
    await client.publish('sensors/kitchen/temperature', '{"celsius":21}', { qos: 1 })
    await client.publish('sensors/kitchen/other', 'whatever', { qos: 1 })
    await client.publish('sensors/kitchen/temperature', '', { qos: 1, retain: true })
    await assert.rejects(client.publish('$SYS/x', '', { qos: 1 }), { reasonCode: 0x87 })
    assert.deepEqual(
      t.messages.map(({ text }) => text),
      ['{"celsius":21}', 'whatever', ''],
    )
  })

  it('only reports if a rule says so', async () => {
    const reports: unknown[] = []
    const hook = schemas(
      { 'a/*rest': { schema: number(), mode: 'report' }, 'a/strict': text() },
      { onInvalid: (error, { topic }, client) => reports.push([error.message, topic, client?.id]) },
    )
    await using t = await startTestBroker({ authorizePublish: hook })
    const client = await t.client({ clientId: 'c' })
    await client.publish('a/b', 'x', { qos: 1 })
    await assert.rejects(client.publish('a/strict', Buffer.from([0xff]), { qos: 1 }), { reasonCode: 0x99 })
    assert.deepEqual(reports, [
      ["The payload does not match the schema of its topic: 'x' is no number", 'a/b', 'c'],
      ['The payload does not match the schema of its topic: it is not UTF-8', 'a/strict', 'c'],
      ['The payload does not match the schema of its topic: it is not UTF-8', 'a/strict', 'c'],
    ])
  })

  it('calls the next hook, in either style, and asynchronous validators', async () => {
    const slow = z.string().refine(async value => value !== 'bad')
    const codes: unknown[] = []
    for (const authorizePublish of [
      (_client: unknown, { topic }: { topic: string }) => topic === 'a/yes',
      async (_client: unknown, { topic }: { topic: string }) => (topic === 'a/yes' ? true : 0x97),
      (_client: unknown, { topic }: { topic: string }, callback: (error?: Error | null) => void) =>
        callback(topic === 'a/yes' ? null : new Error('no')),
    ]) {
      await using t = await startTestBroker({ authorizePublish: schemas({ 'a/:x': slow }, { authorizePublish }) })
      const client = await t.client()
      await client.publish('a/yes', '"good"', { qos: 1 })
      await assert.rejects(client.publish('a/yes', '"bad"', { qos: 1 }), { reasonCode: 0x99 })
      codes.push(await client.publish('a/no', '"good"', { qos: 1 }).catch(({ reasonCode }) => reasonCode))
    }
    assert.deepEqual(codes, [0x87, 0x97, 0x87])
  })

  it('refuses if the next hook fails', async () => {
    const authorizePublish = async () => {
      throw new Error('no database')
    }
    await using t = await startTestBroker({ authorizePublish: schemas({}, { authorizePublish }) })
    const errors: unknown[] = []
    t.broker.on('hookError', error => errors.push(error.message))
    const client = await t.client()
    await assert.rejects(client.publish('a', '', { qos: 1 }), { reasonCode: 0x87 })
    assert.deepEqual(errors, ['A hook threw or rejected: authorizePublish: no database'])
  })
})
