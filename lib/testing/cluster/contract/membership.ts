/**
 * The contract of nodes that join, leave, are cut off, or are replaced: late writes are refused, and other nodes handle
 * their sessions.
 */
import assert from 'node:assert/strict'
import { claim, type Harness, message, payloads, settled, type TestNode, unique, until } from './harness.js'

const BYTES = Buffer.from([1])

/** Defines them. */
export function defineMembershipTests(harness: Harness): void {
  harness.test('nodes hear of each other', async nodes => {
    const [one, other] = (await nodes.many(2)) as [TestNode, TestNode]
    assert.deepEqual(
      other.node
        .stats()
        .nodes.filter(({ isSelf }) => isSelf)
        .map(({ node }) => node),
      [other.node.node],
    )
    await other.node.leave()
    const expected = { node: other.node.node, change: 'left' }
    await until(() => one.changes.some(({ node, change }) => node === expected.node && change === 'left'))
    assert.deepEqual(one.changes.at(-1), expected)
  })

  harness.testOfLease('a lease is renewed for as long as the node lives', async nodes => {
    const one = await nodes.join()
    const end = performance.now() + harness.leaseMs * 1.2
    while (performance.now() < end) {
      assert.ok(one.node.lease.isValid)
      await new Promise(resolve => setTimeout(resolve, 20))
    }
    assert.ok(!one.node.lease.lost.aborted)
    assert.ok(one.node.stats().leaseMsLeft > 0)
  })

  harness.testOfLease('a node that is cut off loses its lease, and its late writes are refused', async nodes => {
    const [one, other] = (await nodes.many(2)) as [TestNode, TestNode]
    const clientId = unique('client')
    const topic = unique('t')
    await other.node.want(topic)
    const held = await claim(one, clientId)
    await one.node.write(held, { records: { a: BYTES } })
    nodes.engine.cut(one.node)
    const late = one.node.write(held, { message: message(topic, 'late', { clientId }), records: { a: undefined } })
    const outcome = assert.rejects(late)
    // it waits for the engine until then
    const reads = [one.node.want(topic), one.node.ends(), one.node.joinGroup(`$share/g/${topic}`, () => {})]
    const unread = Promise.all(reads.map(read => assert.rejects(read, { code: 'ANAX_ERR_FENCED' })))
    // it is notified before any other node acts
    await until(() => one.node.lease.lost.aborted || other.changes.some(({ change }) => change === 'lost'))
    assert.ok(!one.node.lease.isValid)
    await until(() => other.orphans.includes(clientId), 'the orphan')
    const second = await claim(other, clientId)
    assert.deepEqual([...(await other.node.load(second)).keys()], ['a'])
    nodes.engine.heal(one.node)
    await Promise.all([outcome, unread])
    await assert.rejects(one.node.write(held, { records: { a: undefined } }), { code: 'ANAX_ERR_FENCED' })
    await settled(other)
    assert.deepEqual(payloads(other.entries), [])
    assert.deepEqual([...(await other.node.load(second)).keys()], ['a'])
    await other.node.release(second, 'forget')
  })

  harness.test('whether the session of a node that is gone was in use is told', async nodes => {
    const [one, other, third] = (await nodes.many(3)) as [TestNode, TestNode, TestNode]
    const [used, looked, free] = [unique('used'), unique('looked'), unique('free')]
    await claim(one, used)
    await one.node.claimIfFree(looked)
    await one.node.release(await claim(one, free), 'keep')
    await one.node.leave()
    await until(() => [other, third].every(({ changes }) => changes.some(({ change }) => change === 'left')))
    // a caretaker node that has failed as well has changed nothing
    assert.equal((await third.node.claimIfFree(used))?.wasInUse, true)
    await third.node.leave()
    await until(() => other.changes.filter(({ change }) => change === 'left').length === 2)
    const claims = await Promise.all([used, looked, free].map(clientId => claim(other, clientId)))
    assert.deepEqual(
      claims.map(({ wasInUse }) => wasInUse === true),
      [true, false, false],
    )
    for (const held of claims) await other.node.release(held, 'forget')
  })

  harness.testOfLease('a claim waits for the end of the lease of an owner that does not answer', async nodes => {
    const [one, other] = (await nodes.many(2)) as [TestNode, TestNode]
    const clientId = unique('client')
    const first = await claim(one, clientId)
    nodes.engine.cut(one.node)
    const second = await claim(other, clientId)
    assert.ok(!one.node.lease.isValid)
    assert.ok(second.token > first.token)
    assert.equal(second.previous, one.node.node)
    nodes.engine.heal(one.node)
    await other.node.release(second, 'forget')
  })

  harness.testOfLease('a second process under the name of a live one is refused, and disturbs nobody', async nodes => {
    const one = await nodes.join()
    const held = await claim(one, unique('client'))
    const refusals: { code: string }[] = []
    nodes.join(one.node.node).catch(error => refusals.push(error))
    await until(() => refusals.length > 0, 'the refusal')
    assert.equal(refusals[0]!.code, 'ANAX_ERR_CLUSTER')
    await one.node.write(held, { records: { a: BYTES } })
    assert.ok(one.node.lease.isValid)
    await one.node.release(held, 'forget')
  })

  harness.test('a process waits for one of its name that is about to leave', async nodes => {
    const one = await nodes.join()
    const joined: TestNode[] = []
    nodes.join(one.node.node).then(node => joined.push(node))
    await new Promise(resolve => setTimeout(resolve, 100))
    assert.equal(joined.length, 0)
    await one.node.leave()
    await until(() => joined.length > 0, 'the other process')
    assert.ok(joined[0]!.node.lease.isValid)
  })

  harness.test('a process that comes back under its name replaces the one before, which is gone', async nodes => {
    const one = await nodes.join()
    const clientId = unique('client')
    const held = await claim(one, clientId)
    await one.node.write(held, { records: { a: BYTES } })
    nodes.engine.cut(one.node)
    const again = await nodes.join(one.node.node)
    nodes.engine.heal(one.node)
    const refused = one.node.write(held, { records: { a: undefined } })
    await assert.rejects(refused, { code: 'ANAX_ERR_FENCED' })
    await until(() => one.node.lease.lost.aborted)
    assert.deepEqual([one.refused, one.node.stats().refusedWrites], [1, 1])
    await until(() => again.orphans.includes(clientId), 'the orphan')
    const second = await claim(again, clientId)
    assert.deepEqual([...(await again.node.load(second)).keys()], ['a'])
    await again.node.release(second, 'forget')
  })

  harness.test('what a node that leaves had claimed can be claimed at once', async nodes => {
    const [one, other] = (await nodes.many(2)) as [TestNode, TestNode]
    const clientId = unique('client')
    await claim(one, clientId)
    await one.node.leave()
    const second = await claim(other, clientId)
    await other.node.release(second, 'forget')
  })
}
