/** Typed topics and payloads: the host subscribes to values and publishes them. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type } from 'arktype'
import { z } from 'zod'
import { json, number, topic } from '../../../lib/index.js'
import { startTestBroker } from '../../../lib/testing/index.js'

const temperature = topic('sensors/:room/temperature')
const Temperature = z.object({ celsius: z.number() })

describe('typed values', () => {
  it('pass from publish to subscribe, with the levels of the topic', async () => {
    await using t = await startTestBroker()
    const seen: unknown[] = []
    const listener = (value: { celsius: number }, params: { room: string }, packet: { topic: string }) =>
      seen.push([value.celsius, params.room, packet.topic])
    await t.broker.subscribe(temperature, Temperature, listener)
    await t.broker.publish(temperature, { room: 'kitchen' }, Temperature, { celsius: 21 }, { qos: 1, retain: true })
    assert.deepEqual(seen, [[21, 'kitchen', 'sensors/kitchen/temperature']])
    const [message] = t.messages
    assert.deepEqual([message?.text, message?.qos, message?.retain], ['{"celsius":21}', 1, true])
    assert.deepEqual({ ...message?.properties }, { payloadFormatIndicator: true, contentType: 'application/json' })
    await t.broker.unsubscribe(temperature, listener)
    await t.broker.publish(temperature, { room: 'kitchen' }, Temperature, { celsius: 22 })
    assert.equal(seen.length, 1)
  })

  it('that are invalid are refused by publish, and reported on arrival', async () => {
    await using t = await startTestBroker()
    const errors: unknown[] = []
    t.broker.on('hookError', ({ code, cause }) => errors.push([code, (cause as Error).message]))
    await t.broker.subscribe(temperature, Temperature, () => assert.fail('a wrong value came'))
    await t.broker.publish({ topic: 'sensors/kitchen/temperature', payload: '{"celsius":"warm"}' })
    await t.settled()
    const expected =
      'The payload does not match the schema of its topic: celsius: Invalid input: expected number, received string'
    assert.deepEqual(errors, [['ANAX_ERR_LISTENER', expected]])
    const wrong = { celsius: 'warm' } as unknown as { celsius: number }
    await assert.rejects(t.broker.publish(temperature, { room: 'x' }, Temperature, wrong), { code: 'ANAX_ERR_PAYLOAD' })
  })

  it('keep their order with a slow validator', async () => {
    await using t = await startTestBroker()
    const slow = z.number().refine(async value => {
      if (value === 1) await new Promise(resolve => setImmediate(resolve))
      return value !== 3
    })
    const seen: number[] = []
    t.broker.on('hookError', () => {})
    await t.broker.subscribe(topic('n'), slow, value => seen.push(value))
    for (const payload of ['1', '2', '3', '4']) await t.broker.publish({ topic: 'n', payload })
    await t.settled()
    assert.deepEqual(seen, [1, 2, 4])
  })

  it('may have a function as validator, or a codec, and a plain listener may subscribe to a typed topic', async () => {
    await using t = await startTestBroker()
    const seen: unknown[] = []
    const Numbered = type({ n: 'number' })
    await t.broker.subscribe(topic('a/:x'), Numbered, (value, { x }) => seen.push(value.n, x))
    await t.broker.subscribe(topic('b'), number(), value => seen.push(value))
    await t.broker.subscribe(topic('c/*rest'), ({ payload }) => seen.push(payload.toString()))
    await t.broker.publish(topic('a/:x'), { x: 'y' }, json<{ n: number }>(), { n: 1 })
    await t.broker.publish(topic('b'), {}, number(), 2)
    await t.broker.publish({ topic: 'c/d', payload: '3' })
    assert.deepEqual(seen, [1, 'y', 2, '3'])
  })

  it('need a topic with named levels, a schema and a listener', async () => {
    await using t = await startTestBroker()
    const untyped = t.broker as unknown as { subscribe(...args: unknown[]): Promise<void> }
    for (const [args, message] of [
      [['n', number(), () => {}], /with a schema takes topic\('sensors\/:room'\), got the plain topic n$/],
      [[topic('n'), {}, () => {}], /a schema is a validator of Standard Schema, or json\(\), text\(\), number\(\)$/],
      [[topic('n'), number()], /listener has to be a function, got undefined$/],
      [['n'], /listener has to be a function, got undefined$/],
    ] as const) {
      await assert.rejects(untyped.subscribe(...args), { code: 'ANAX_ERR_ARGUMENT', message })
    }
  })
})
