/**
 * The contract of large messages and unusual characters: they are refused immediately or delivered, and block nothing.
 */
import assert from 'node:assert/strict'
import { claim, type Harness, message, payloads, settled, type TestNode, unique } from './harness.js'

/** The sizes for an engine without a limit. */
const LARGE = 1024 * 1024
const MANY = 1500

/** Defines them. */
export function defineSizeTests(harness: Harness): void {
  harness.test('a message that is too large is refused, and those behind it are written', async nodes => {
    const one = await nodes.join()
    const { maxMessageBytes } = one.node
    // an engine without its own limit accepts everything that fits into a packet
    if (maxMessageBytes > 64 * LARGE) return
    const topic = unique('t')
    await one.node.want(topic)
    const swollen = message(topic, 'x', {
      properties: { userProperties: { '\u0001': '\u0001'.repeat(maxMessageBytes / 4) } },
    })
    const large = message(topic, 'x'.repeat(maxMessageBytes + 2000))
    const refused = { code: 'ANAX_ERR_PACKET_TOO_LARGE' }
    const outcomes = [large, swollen].map(each => assert.rejects(one.node.write(undefined, { message: each }), refused))
    await one.node.write(undefined, { message: message(topic, 'x'.repeat(maxMessageBytes)) })
    await one.node.write(undefined, { message: message(topic, 'last') })
    await Promise.all(outcomes)
    one.node.signal({ ...large, qos: 0 })
    await settled(one)
    assert.deepEqual(
      payloads(one.entries).map(({ length }) => length),
      [maxMessageBytes, 4],
    )
  })

  harness.test('records may be larger than a message, and many', async nodes => {
    const [one, other] = (await nodes.many(2)) as [TestNode, TestNode]
    const clientId = unique('client')
    const size = Math.min(one.node.maxMessageBytes, LARGE) * 2 + 77
    const body = (fill: number, length: number) => Buffer.alloc(length, fill)
    const held = await claim(one, clientId)
    await one.node.write(held, { records: { a: body(1, size), b: body(2, 10) } })
    assert.deepEqual(sizesOf(await one.node.load(held)), { a: size, b: 10 })
    const many = Array.from({ length: MANY }, (_, i) => [`x${i}`, body(3, 100)] as const)
    for (let i = 0; i < MANY; i += 100) {
      await one.node.write(held, { records: Object.fromEntries(many.slice(i, i + 100)) })
    }
    await one.node.write(held, { records: { a: body(4, 5) } })
    await one.node.release(held, 'keep', { records: { b: body(5, size) } })
    const second = await claim(other, clientId)
    const found = await other.node.load(second)
    assert.deepEqual([found.size, found.get('a')?.length, found.get('b')?.length], [MANY + 2, 5, size])
    assert.ok(found.get('b')!.every(byte => byte === 5))
    await other.node.release(second, 'forget')
    const third = await claim(one, clientId)
    assert.deepEqual(sizesOf(await one.node.load(third)), {})
    await one.node.release(third, 'forget')
  })
}

function sizesOf(records: ReadonlyMap<string, Uint8Array>): Record<string, number> {
  return Object.fromEntries([...records].map(([name, { length }]) => [name, length]))
}
