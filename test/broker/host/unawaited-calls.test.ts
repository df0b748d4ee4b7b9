/** A host that does not await its calls of publish is told, before they fill the memory. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { createBroker } from '../../../lib/index.js'

const CALLS = 10_000

describe('an application that does not await its calls of publish gets a warning', () => {
  const warnings: string[] = []
  const collect = ({ message, code }: Error & { code?: string }) => {
    if (code === 'ANAX_WARN_UNAWAITED') warnings.push(message)
  }
  beforeEach(() => process.on('warning', collect))
  afterEach(() => {
    process.off('warning', collect)
    warnings.length = 0
  })

  /** The warnings so far: they are emitted a turn later. */
  async function told(): Promise<readonly string[]> {
    await new Promise(setImmediate)
    return warnings
  }

  it('once, when very many are not finished', async () => {
    const broker = await createBroker()
    const client = await broker.client({ clientId: 'c' })
    await client.subscribe('a', {}, () => {})
    // the first ones are finished at once: as many as a turn of the event loop delivers, at most 4000
    const calls = CALLS + 5000
    for (const _ of [1, 2]) await Promise.all(Array.from({ length: calls }, () => broker.publish({ topic: 'a' })))
    assert.equal((await told()).length, 1)
    assert.match(warnings[0]!, /^10000 calls of broker\.publish are not finished/)
    await broker.close()
  })

  it('not where they are finished at once', async () => {
    const broker = await createBroker()
    await Promise.all(Array.from({ length: CALLS }, () => broker.publish({ topic: 'a' })))
    assert.deepEqual(await told(), [])
    await broker.close()
  })

  it('not if they are awaited in batches, even if they are refused', async () => {
    const broker = await createBroker({ maxRetainedMessages: 0 })
    const client = await broker.client({ clientId: 'c' })
    await client.subscribe('a', {}, () => {})
    for (const retain of [false, true]) {
      for (let calls = 0; calls < CALLS; calls += 2000) {
        const packet = { topic: 'a', payload: 'x', retain }
        await Promise.allSettled(Array.from({ length: 2000 }, () => broker.publish(packet)))
      }
    }
    assert.deepEqual(await told(), [])
    await broker.close()
  })
})
