/** The contract of claims and records: one owner, who reads everything that the previous owner wrote. */
import assert from 'node:assert/strict'
import type { Claim } from '../../../../types/cluster.js'
import { claim, type Harness, message, payloads, settled, type TestNode, unique, until } from './harness.js'

const BYTES = Buffer.from([1, 2, 3])

/** Makes a node release a claim on request, after a last write. */
function giveBack(owner: TestNode, held: Claim, text: string): void {
  owner.letGo = () => owner.node.release(held, 'keep', { records: { last: Buffer.from(text) } })
}

async function recordsOf(owner: TestNode, held: Claim): Promise<Record<string, string>> {
  const records = await owner.node.load(held)
  return Object.fromEntries([...records].map(([name, bytes]) => [name, Buffer.from(bytes).toString()]))
}

/** Defines them. */
export function defineClaimTests(harness: Harness): void {
  harness.test('records are there for the next owner, and gone with the session', async nodes => {
    const [one, other] = (await nodes.many(2)) as [TestNode, TestNode]
    const clientId = unique('client')
    const first = await claim(one, clientId)
    assert.deepEqual(await recordsOf(one, first), {})
    await one.node.write(first, { records: { a: Buffer.from('1'), b: BYTES } })
    await one.node.write(first, { records: { a: Buffer.from('2'), b: undefined } })
    await one.node.release(first, 'keep', { records: { c: Buffer.from('3') } })
    const second = await claim(other, clientId)
    assert.ok(second.token > first.token)
    assert.deepEqual(await recordsOf(other, second), { a: '2', c: '3' })
    await other.node.release(second, 'forget')
    const third = await claim(one, clientId)
    assert.deepEqual(await recordsOf(one, third), {})
    await one.node.release(third, 'forget')
  })

  harness.test('the owner is asked to let go, and waited for', async nodes => {
    const [one, other] = (await nodes.many(2)) as [TestNode, TestNode]
    const clientId = unique('client')
    const first = await claim(one, clientId)
    giveBack(one, first, 'done')
    const second = await claim(other, clientId)
    assert.deepEqual(one.asked, [clientId])
    assert.deepEqual([first.previous, second.previous], [undefined, one.node.node])
    assert.deepEqual(await recordsOf(other, second), { last: 'done' })
    assert.deepEqual([one.node.stats().claims, other.node.stats().claims], [0, 1])
    await assert.rejects(one.node.write(first, { records: { a: BYTES } }), { code: 'ANAX_ERR_FENCED' })
    await other.node.release(second, 'forget')
  })

  harness.test('who claims only what is free disturbs nobody', async nodes => {
    const [one, other] = (await nodes.many(2)) as [TestNode, TestNode]
    const clientId = unique('client')
    const held = await claim(one, clientId)
    assert.deepEqual(
      [await other.node.claimIfFree(clientId), await one.node.claimIfFree(clientId)],
      [undefined, undefined],
    )
    assert.deepEqual(one.asked, [])
    await one.node.release(held, 'keep', { records: { a: BYTES } })
    const second = await other.node.claimIfFree(clientId)
    assert.ok(second !== undefined && second.token > held.token)
    await other.node.release(second, 'forget')
  })

  harness.test('a node that only looks after a session is waited for', async nodes => {
    const [one, other] = (await nodes.many(2)) as [TestNode, TestNode]
    const clientId = unique('client')
    const first = (await one.node.claimIfFree(clientId))!
    giveBack(one, first, 'done')
    const second = await other.node.claimIfFree(clientId)
    assert.deepEqual(one.asked, [clientId])
    assert.ok(second !== undefined && second.token > first.token)
    assert.deepEqual(await recordsOf(other, second), { last: 'done' })
    await other.node.release(second, 'forget')
  })

  harness.test('who gives up waits no longer', async nodes => {
    const [one, other] = (await nodes.many(2)) as [TestNode, TestNode]
    const clientId = unique('client')
    const held = await claim(one, clientId)
    one.letGo = () => new Promise(() => {})
    const giveUp = new AbortController()
    const waiting = other.node.claim(clientId, giveUp)
    await until(() => one.asked.length > 0)
    giveUp.abort(new Error('enough'))
    await assert.rejects(waiting)
    await one.node.write(held, { records: { a: BYTES } })
  })

  harness.test('in a race there is one owner at a time', async nodes => {
    const all = await nodes.many(3)
    const clientId = unique('client')
    let owners = 0
    let most = 0
    const turn = async (contender: TestNode) => {
      const held = await claim(contender, clientId)
      most = Math.max(most, ++owners)
      await new Promise(resolve => setTimeout(resolve, 1))
      owners--
      await contender.node.release(held, 'keep')
    }
    for (const contender of all) contender.letGo = () => Promise.resolve()
    await Promise.all(
      all.map(async contender => {
        for (let i = 0; i < 15; i++) await turn(contender)
      }),
    )
    assert.equal(most, 1)
  })

  harness.test('a message and records are written together', async nodes => {
    const one = await nodes.join()
    const clientId = unique('client')
    const topic = unique('t')
    await one.node.want(topic)
    const held = await claim(one, clientId)
    const writes = Array.from({ length: 100 }, (_, i) =>
      one.node.write(held, {
        message: message(topic, String(i), { clientId, qos: 2 }),
        records: { incoming: Buffer.from(String(i)) },
      }),
    )
    await Promise.all(writes)
    await settled(one)
    assert.deepEqual(
      payloads(one.entries),
      Array.from({ length: 100 }, (_, i) => String(i)),
    )
    assert.deepEqual(await recordsOf(one, held), { incoming: '99' })
    await one.node.release(held, 'forget')
  })

  harness.test('client identifiers may be of any kind', async nodes => {
    const one = await nodes.join()
    for (const id of ['a.b', '*', '>', ' ', '%', '日本', 'x'.repeat(2000), 'a/b']) {
      const clientId = unique(id)
      const held = await claim(one, clientId)
      await one.node.write(held, { records: { a: Buffer.from(clientId) }, deadline: { at: 5_000_000_000_000 } })
      assert.deepEqual(await recordsOf(one, held), { a: clientId })
      await until(() => one.deadlines.has(clientId))
      await one.node.release(held, 'forget')
      await until(() => !one.deadlines.has(clientId))
    }
  })

  harness.test('one node sees to each deadline', async nodes => {
    const all = await nodes.many(3)
    const at = 5_000_000_000_000
    const clients = Array.from({ length: 30 }, () => unique('client'))
    const claims = await Promise.all(clients.map((clientId, i) => claim(all[i % 3]!, clientId)))
    await Promise.all(claims.map((held, i) => all[i % 3]!.node.write(held, { deadline: { at } })))
    const told = (clientId: string) => all.filter(({ deadlines }) => deadlines.has(clientId)).length
    await until(() => clients.every(clientId => told(clientId) === 1))
    await Promise.all(claims.map((held, i) => all[i % 3]!.node.write(held, { deadline: { at: at + 1 } })))
    await until(() => clients.every(clientId => all.some(({ deadlines }) => deadlines.get(clientId) === at + 1)))
    await Promise.all(claims.map((held, i) => all[i % 3]!.node.write(held, { deadline: { at: undefined } })))
    await until(() => clients.every(clientId => told(clientId) === 0))
    await Promise.all(claims.map((held, i) => all[i % 3]!.node.release(held, 'forget')))
  })

  harness.test('the deadlines of a node that leaves are seen to by others', async nodes => {
    const [one, other] = (await nodes.many(2)) as [TestNode, TestNode]
    const clients = Array.from({ length: 20 }, () => unique('client'))
    for (const clientId of clients) {
      const held = await claim(one, clientId)
      await one.node.release(held, 'keep', { deadline: { at: 5_000_000_000_000 } })
    }
    await until(() => clients.every(id => one.deadlines.has(id) !== other.deadlines.has(id)))
    await one.node.leave()
    await until(() => clients.every(clientId => other.deadlines.has(clientId)))
    for (const clientId of clients) await other.node.release(await claim(other, clientId), 'forget')
  })
}
